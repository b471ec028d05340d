//! The job files that come with gugus: they parse, and take every record of the data that they are for.
//!
//! The real files lie beside a checkout and are not part of it; without them those tests say so and end. The lines that
//! stand here are made up.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use flate2::read::MultiGzDecoder;
use gugus_records::{Columns, CsvRows, Header, Layout, header_names};
use gugus_spec::Job;

use crate::support::{floats, ints, texts, times};

const LAPD: &str = "DR_NO,Date Rptd,DATE OCC,TIME OCC,AREA,AREA NAME,Rpt Dist No,Part 1-2,Crm Cd,Crm Cd Desc,Mocodes,\
Vict Age,Vict Sex,Vict Descent,Premis Cd,Premis Desc,Weapon Used Cd,Weapon Desc,Status,Status Desc,Crm Cd 1,Crm Cd 2,\
Crm Cd 3,Crm Cd 4,LOCATION,Cross Street,LAT,LON";

const CHICAGO: &str = "ID,Case Number,Date,Block,IUCR,Primary Type,Description,Location Description,Arrest,Domestic,\
Beat,District,Ward,Community Area,FBI Code,X Coordinate,Y Coordinate,Updated On,Latitude,Longitude";

fn job(file: &str) -> Job {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    Job::from_file(&path).unwrap_or_else(|e| panic!("{e}"))
}

/// The batch of a CSV, all of whose records must be accepted.
fn read(job: &Job, csv: impl Read) -> RecordBatch {
    let layout = Layout::new(&job.source);
    let mut rows = CsvRows::new(csv, &job.source.csv);
    let names = rows.next_row().unwrap().unwrap().cells().unwrap();
    let names = header_names(names, &job.source.columns).unwrap();
    let header = Header::new(&names, &layout).unwrap();
    assert_eq!(header.missing(), [] as [&str; 0]);
    let mut columns = Columns::new(layout);
    while let Some(row) = rows.next_row().unwrap() {
        row.cells()
            .and_then(|cells| columns.push_cells(&header, cells))
            .unwrap_or_else(|reason| panic!("line {}: {reason}", row.line()));
    }
    columns.finish().unwrap()
}

/// A file of real records, which are not part of the project: `GUGUS_TEST_DATA` names the folder that has them.
fn real(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("GUGUS_TEST_DATA")?);
    Some(folder.join("data").join(name))
}

#[test]
fn crime_takes_every_shape_of_the_lapds_records() {
    let job = job("crime.toml");
    let csv = format!(
        "{LAPD}\n\
         099900001,01/08/2020 12:00:00 AM,01/07/2020 12:00:00 AM,0330,03,Nowhere,0377,1,510,MADE - UP,0444 0913,36,F,B,501,\
         \"A, B\",,,AO,Adult Other,510,998,,,1 X  ST,,34.0141,-118.2978\n\
         099900002,01/08/2020 00:00,01/07/2020 00:00,2359,03,Nowhere,0377,2,624,MADE UP,,-1,,,102,SIDEWALK,400,HAND,IC,\
         Invest Cont,624,,,,1 X  ST,,0,0\r\n\
         099900003,3/1/2020 0:00,3/1/2020 0:00,1,7,Nowhere,784,2,330,MADE UP,,0,H,X,101,STREET,,,IC,Invest Cont,330,,,,\
         1 X  ST,1ST,34,-118\r\n"
    );
    let batch = read(&job, csv.as_bytes());
    assert_eq!((batch.num_rows(), batch.num_columns()), (3, 28));
    let number = texts(&batch, "DR_NO").swap_remove(0);
    assert_eq!(
        number.as_deref(),
        Some("099900001"),
        "the zeros of a name stay"
    );
    assert_eq!(texts(&batch, "AREA")[0].as_deref(), Some("03"));
    assert_eq!(ints(&batch, "TIME OCC"), [330, 2359, 1].map(Some));
    assert_eq!(ints(&batch, "Vict Age"), [36, -1, 0].map(Some));
    let days = [18_268, 18_268, 18_322].map(|day| Some(day * 86_400_000));
    assert_eq!(times(&batch, "DATE OCC"), days);
    assert_eq!(floats(&batch, "LAT"), [34.0141, 0.0, 34.0].map(Some));
    assert!(batch["Weapon Used Cd"].is_null(0) && batch["Mocodes"].is_null(1));
}

#[test]
fn chicago_takes_records_with_and_without_a_place() {
    let job = job("chicago.toml");
    let csv = format!(
        "{CHICAGO}\r\n\
         99000001,ZZ000001,01/31/2017 12:01:00 PM,000XX X ST,031A,MADE UP,MADE UP,STREET,true,false,0631,006,8,44,11,\
         1154907,1914000,02/11/2018 03:57:41 PM,41.5,-87.25\r\n\
         99000002,ZZ000002,01/31/2017 12:01:00 AM,000XX X ST,0486,MADE UP,MADE UP,,false,true,0631,,,,08B,,,\
         02/11/2018 03:57:41 PM,,\r\n"
    );
    let batch = read(&job, csv.as_bytes());
    assert_eq!((batch.num_rows(), batch.num_columns()), (2, 20));
    assert_eq!(texts(&batch, "Beat")[0].as_deref(), Some("0631"));
    assert!(batch["Arrest"].as_boolean().value(0) && !batch["Arrest"].as_boolean().value(1));
    assert_eq!(floats(&batch, "Latitude"), [Some(41.5), None]);
    let (day, minute) = (86_400_000, 60_000);
    let date = [721, 1].map(|minutes| Some(17_197 * day + minutes * minute));
    assert_eq!(times(&batch, "Date"), date);
}

#[test]
fn the_models_are_those_of_the_handbook() {
    let case = ("case", 10);
    for (file, expected) in [
        ("crime.toml", &[("location", 2), ("time", 4), case][..]),
        ("chicago.toml", &[("location", 2), ("time", 4)]),
    ] {
        let job = job(file);
        let models = job.models.iter();
        let named = models.map(|model| (model.name.as_str(), model.features.len()));
        assert_eq!(named.collect::<Vec<_>>(), expected);
        for model in &job.models {
            let (k, seed) = (model.algorithm.k(), model.algorithm.seed());
            assert_eq!((k, seed), (Some(5), Some(1)));
        }
    }
}

#[test]
fn every_real_lapd_record_is_accepted() {
    let job = job("crime.toml");
    for (name, rows) in [
        ("lapd_10000.csv", 10_000),
        ("lapd_874.csv", 874),
        ("lapd_2022_1000.csv", 1000),
    ] {
        let Some(path) = real(name) else { continue };
        let batch = read(&job, File::open(path).unwrap());
        assert_eq!(batch.num_rows(), rows);
        // What the models of crime.toml rely on, but for `time`, which has its own condition.
        for column in ["LAT", "LON", "DATE OCC", "TIME OCC", "Crm Cd"] {
            assert_eq!(batch[column].null_count(), 0, "{column} of {name}");
        }
    }
}

#[test]
fn every_real_chicago_record_is_accepted() {
    let job = job("chicago.toml");
    let Some(path) = real("chicago_crimes_2017.csv.gz") else {
        return;
    };
    let batch = read(&job, MultiGzDecoder::new(File::open(path).unwrap()));
    assert_eq!(batch.num_rows(), 267_792);
    assert!(
        batch["Latitude"].null_count() > 0,
        "the file is known for records without a place"
    );
}
