//! Models that Spark 3.5.5 itself saved.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::service::Service;

#[test]
fn models_that_spark_saved_are_served() {
    // The models are not part of the project.
    let Some(folder) = std::env::var_os("GUGUS_TEST_DATA") else {
        return;
    };
    let folder = PathBuf::from(folder).join("spark/examples");
    let service = Service::of_folder(&folder);
    let listed = service.get("/models").json();
    assert!(
        listed["models"]
            .as_array()
            .unwrap()
            .contains(&json!({"model": "kmeans_model", "batches": [1, 2, 3, 4]})),
        "{listed}"
    );

    for number in 1..=4 {
        let model = service
            .get(&format!("/models/kmeans_model/batches/{number}"))
            .json();
        let centers: Vec<Vec<f64>> = serde_json::from_value(model["centers"].clone()).unwrap();
        assert_eq!(centers.len(), 5);
        let mut points = Vec::new();
        let mut expected = Vec::new();
        for step in 0..200 {
            // Points all over Los Angeles, by two steps that share no factor with their ranges.
            let (a, b) = (
                f64::from(step * 37 % 200) / 200.0,
                f64::from(step * 83 % 200) / 200.0,
            );
            let (lat, lon) = (33.7 + 0.7 * a, -118.7 + 0.6 * b);
            let distance = |c: &Vec<f64>| (c[0] - lat).powi(2) + (c[1] - lon).powi(2);
            let nearest = centers
                .iter()
                .enumerate()
                .min_by(|x, y| distance(x.1).total_cmp(&distance(y.1)))
                .unwrap()
                .0;
            let point = json!({"lat": lat, "lon": lon, "model": number});
            assert_eq!(
                service.cluster("/predict_cluster/", &point),
                nearest as u64,
                "{point}"
            );
            points.push(json!({"features": [lat, lon]}));
            expected.push(nearest as u64);
        }
        let path = format!("/models/kmeans_model/batches/{number}/predict");
        assert_eq!(service.clusters(&path, &Value::Array(points)), expected);
    }
    let whole = service.get("/models/crime_batch_9_k5_seed1").json();
    let features = &whole["all"]["centers"][3];
    assert_eq!(
        service.cluster(
            "/models/crime_batch_9_k5_seed1/predict",
            &json!({ "features": features })
        ),
        3
    );
}
