//! Nothing of its own: building this package builds Kryoptic, whose library `hsm_test::kryoptic` loads.
