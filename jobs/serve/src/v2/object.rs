//! JSON objects that are no lists.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A `T` that comes as a JSON object. serde alone would take a list of the values of its fields, too.
pub(super) struct ObjectOf<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ObjectOf<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = ObjectOf<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ObjectOf<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(ObjectOf)
            }
        }

        json.deserialize_map(Map(PhantomData))
    }
}

/// A list of objects, for a field of serde.
pub(super) fn list<'de, D, T>(json: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let objects = Vec::<ObjectOf<T>>::deserialize(json)?;
    Ok(objects.into_iter().map(|ObjectOf(it)| it).collect())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Named<'a> {
        name: String,
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
    }

    #[derive(Debug, Deserialize)]
    struct Names<'a> {
        #[serde(borrow, deserialize_with = "list")]
        names: Vec<Named<'a>>,
    }

    fn read(text: &str) -> Option<Vec<(String, Option<&str>)>> {
        let ObjectOf(Names { names }) = serde_json::from_str(text).ok()?;
        let pairs = names
            .into_iter()
            .map(|it| (it.name, it.data.map(RawValue::get)));
        Some(pairs.collect())
    }

    #[test]
    fn a_list_is_no_object() {
        let text = r#"{"names": [{"name": "a", "data": [1, 2]}, {"name": "b"}]}"#;
        let expected = [("a".to_owned(), Some("[1, 2]")), ("b".to_owned(), None)];
        assert_eq!(read(text).unwrap(), expected);
        for text in [
            r#"[[{"name": "a"}]]"#,
            r#"{"names": [["a", null]]}"#,
            r#"{"names": {"name": "a"}}"#,
            r#"{"names": [{"name": 1}]}"#,
            "null",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
