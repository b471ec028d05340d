//! Messages of which a test knows what has to become of them.
//!
//! The job over them has the columns `n` (int64, required), `x` (float64) and `text` (utf8).

/// Partition and offset.
pub(crate) type Place = (i32, i64);

/// A job file over these messages; `limits` are lines of `[batches]`.
pub(crate) fn job(name: &str, topic: &str, limits: &str) -> String {
    format!(
        "name = \"{name}\"\n[source]\ntopic = \"{topic}\"\nother_columns = \"drop\"\n[source.columns]\n\
         \"n\" = {{ type = \"int64\", required = true }}\n\"x\" = {{ type = \"float64\" }}\n\
         \"text\" = {{ type = \"utf8\" }}\n[batches]\n{limits}\n"
    )
}

/// What a batch holds of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) n: i64,
    pub(crate) x: Option<f64>,
    pub(crate) text: Option<String>,
}

/// What has to become of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expected {
    /// It is in a batch.
    Row(Row),
    /// It is in a reject file, byte for byte.
    Reject,
}

/// A message as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) expected: Expected,
}

/// Values that no row can be made of. `None` is a record without a value.
const POISON: [Option<&[u8]>; 10] = [
    None,
    Some(b""),
    Some(b"{"),
    Some(b"[1,2]"),
    Some(b"\xff\xfe"),
    Some(b"{\"x\":1}"),
    Some(b"{\"n\":null,\"x\":1}"),
    Some(b"{\"n\":\"12.5\"}"),
    Some(b"{\"n\":1,\"x\":\"north\"}"),
    Some(b"{\"n\":99999999999999999999}"),
];

impl Message {
    /// A good record, made of its number: with nulls, text beyond ASCII, and numbers both as JSON numbers and as text.
    pub(crate) fn row(n: i64) -> Self {
        let x = (n % 5 != 0).then_some(n as f64 / 8.0);
        let text = (n % 7 != 0).then(|| format!("message \"{n}\" größer"));
        let mut fields = vec![match n % 2 {
            0 => format!("\"n\":{n}"),
            _ => format!("\"n\":\"{n}\""),
        }];
        match x {
            Some(x) if n % 3 == 0 => fields.push(format!("\"x\":\"{x}\"")),
            Some(x) => fields.push(format!("\"x\":{x}")),
            None if n % 2 == 0 => fields.push("\"x\":null".to_owned()),
            None => {}
        }
        if let Some(text) = &text {
            fields.push(format!("\"text\":{}", serde_json::json!(text)));
        }
        Self {
            key: (n % 4 == 0).then(|| n.to_string().into_bytes()),
            value: Some(format!("{{{}}}", fields.join(",")).into_bytes()),
            expected: Expected::Row(Row { n, x, text }),
        }
    }

    /// A record that has to be rejected; `n` chooses in which way.
    pub(crate) fn poison(n: i64) -> Self {
        let choice = usize::try_from(n).unwrap_or(0) % POISON.len();
        let keys: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"k\xff\x00y")];
        Self {
            key: keys[choice % keys.len()].map(<[u8]>::to_vec),
            value: POISON[choice].map(<[u8]>::to_vec),
            expected: Expected::Reject,
        }
    }
}
