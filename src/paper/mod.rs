//! Paper: what is drawn to be printed or photographed, and read back. QR codes, pages of text with their fonts inside (PDF, SVG, HTML),
//! plain images (PNG), blocks on a terminal; and QR codes found in an image. It knows nothing of vaults.
//!
//! A page may hold a recovery code: its texts, its QR codes and what they are drawn into are erased, where a library lets us
//! (`docs/threat-model.md`, 5).

mod blocks;
mod font;
mod page;
mod pdf;
mod png;
mod qr;
mod scan;
mod svg;

pub use blocks::{Blocks, Colours};
pub use font::Font;
pub use page::{HEIGHT, Page, WIDTH};
pub use pdf::{Attachment, pdf};
pub use png::png;
pub use qr::{Level, Qr, chars_that_fit};
pub use scan::{ScanError, Scanned, scan};
pub use svg::{html, svg};
