use super::*;

#[test]
fn edit_distance_is_levenshteins() {
    for (a, b, limit, want) in [
        ("", "", 4, 0),
        ("a", "", 4, 1),
        ("", "abc", 4, 3),
        ("visa", "visa", 4, 0),
        ("visa", "vista", 4, 1),
        ("vsia", "visa", 4, 2),
        ("kitten", "sitting", 4, 3),
        ("abcd", "", 4, 4),
        ("", "abcde", 4, 4),
        ("abcde", "", 4, 4),
        ("abc", "xyz", 4, 3),
    ] {
        assert_eq!(edit_distance(a.as_bytes(), b.as_bytes(), limit), want, "{a} and {b}");
    }
}

#[test]
fn the_nearest_name_is_the_first_of_equals_or_none() {
    let names = ["visa", "vista", "mastercard"];
    for (word, want) in [("visb", "visa"), ("vistas", "vista"), ("visxa", "visa"), ("amex", "")] {
        assert_eq!(nearest(word, &names), want, "{word}");
    }
}
