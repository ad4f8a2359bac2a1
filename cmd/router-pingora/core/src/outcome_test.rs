use super::*;

#[test]
fn an_outcome_is_the_class_or_the_status() {
    for (class, status, want, ok) in [
        (Class::NONE, 99, Class::INTERNAL, false),
        (Class::NONE, 100, Class::NONE, true),
        (Class::NONE, 499, Class::NONE, true),
        (Class::NONE, 500, Class::UPSTREAM_5XX, true),
        (Class::NONE, 599, Class::UPSTREAM_5XX, true),
        (Class::NONE, 600, Class::INTERNAL, false),
        (Class::NONE, 0, Class::INTERNAL, false),
        (Class::CLIENT_GONE, 0, Class::CLIENT_GONE, true),
        (Class::BODY_TIMEOUT, 999, Class::BODY_TIMEOUT, true),
        (Class(CLASSES), 200, Class::INTERNAL, false),
        (Class(255), 200, Class::INTERNAL, false),
    ] {
        assert_eq!(outcome_of(class, status), (want, ok), "class {class:?}, status {status}");
    }
}
