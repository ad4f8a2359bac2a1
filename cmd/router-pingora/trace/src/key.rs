pub(crate) fn owned(key: Vec<u8>) -> String { String::from_utf8_lossy(&key).into_owned() }
