//! Every refusal, as the user sees it: the message, and the place that it points at.

#[test]
fn refusals() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
