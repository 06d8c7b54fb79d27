#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| datafusion_k_corrset_fuzz::sql::run(data));
