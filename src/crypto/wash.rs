//! What no type can erase: pieces of secrets in registers, and in frames of functions that have returned.
//!
//! A copy of a few bytes goes through vector registers, which keep them until somebody else needs the registers, and which every core
//! dump has. A cipher's round keys are spilled to the stack, which nobody clears when a function returns. Neither can be reached
//! without `unsafe`, but both can be written over: by the same work with nothing secret in it.

use std::hint::black_box;
use zeroize::Zeroize;

/// Bytes of the stack that are written over: the deepest calls of this program, in a debug build, are within.
const DEPTH: usize = 192 << 10;

/// Writes over the stack below the caller, and over the registers. The caller's own frame, and those above it, stay: call it where the
/// work was done in a function that has returned.
#[inline(never)]
pub fn wash() {
    stack();
    registers();
}

#[inline(never)]
#[allow(clippy::large_stack_arrays, reason = "it is the stack that is meant")]
fn stack() {
    let mut room = [0_u8; DEPTH];
    room.zeroize();
    black_box(&room);
}

/// Round keys of AES, the state of SHA-256, and what copies of all sizes leave.
#[inline(never)]
fn registers() {
    let key = black_box([0_u8; 32]);
    // Without randomness nothing is sealed: then the copies alone have to do.
    let _ = black_box(super::aead::seal(&key, &[&key], &key));
    black_box(super::sha256(&[&key]));
    let from = black_box([0_u8; 1024]);
    let mut to = [0xff_u8; 1024];
    for size in [16, 32, 64, 128, 256, 512, 1024] {
        let size = black_box(size);
        to[..size].copy_from_slice(&from[..size]);
        black_box(&to);
    }
}
