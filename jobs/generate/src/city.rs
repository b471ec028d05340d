//! A town of made-up addresses. Invariant: the town is the same for every seed, and a block has one place, so that
//! records of the same address agree.

use crate::draw::Draw;
use crate::tables::{AREAS, Area, STREETS, SUFFIXES};

/// Blocks in an area. The real file has 6,774 places in 10,000 records; this number brings samples near to that.
const BLOCKS: u32 = 1_000;

/// Seeds the town. Changing it changes every sample.
const TOWN: u64 = 0x67_75_67_75_73;

/// A place where something happened.
pub(crate) struct Block {
    pub(crate) area: &'static Area,
    /// 1 to 99. Together with the number of the area it is the reporting district.
    pub(crate) district: u32,
    pub(crate) location: String,
    /// Empty where the location is a house number.
    pub(crate) cross_street: String,
    /// In 1/10,000 degrees.
    pub(crate) latitude: i32,
    /// In 1/10,000 degrees.
    pub(crate) longitude: i32,
}

pub(crate) struct City {
    blocks: Vec<Block>,
    shares: Vec<(u32, usize)>,
}

impl City {
    pub(crate) fn new() -> Self {
        let mut blocks = Vec::with_capacity(AREAS.len() * BLOCKS as usize);
        for area in &AREAS {
            let mut draw = Draw::new(TOWN, u64::from(area.number));
            blocks.extend((0..BLOCKS).map(|_| block(area, &mut draw)));
        }
        let shares = AREAS.iter().map(|area| area.share).zip(0..).collect();
        Self { blocks, shares }
    }

    /// A block. Areas are as frequent as in the real file. Within an area the smaller of two draws decides, because crime
    /// prefers some corners.
    pub(crate) fn pick(&self, draw: &mut Draw) -> &Block {
        let area = draw.pick(&self.shares);
        let block = draw.below(BLOCKS).min(draw.below(BLOCKS)) as usize;
        &self.blocks[area * BLOCKS as usize + block]
    }
}

fn block(area: &'static Area, draw: &mut Draw) -> Block {
    let (location, cross_street) = if draw.chance(1_931) {
        (crossing(draw), crossing(draw))
    } else {
        (house(draw), String::new())
    };
    Block {
        area,
        district: 1 + draw.below(60),
        location,
        cross_street,
        latitude: area.latitude + draw.around(area.north_south),
        longitude: area.longitude + draw.around(area.east_west),
    }
}

/// `1100 W  39TH                         PL`: number, direction, name in 29 columns, suffix.
fn house(draw: &mut Draw) -> String {
    let number = 100 * (1 + draw.below(90).min(draw.below(280)));
    let direction = draw.pick(&[
        (4_174, ' '),
        (1_486, 'S'),
        (1_381, 'W'),
        (685, 'N'),
        (343, 'E'),
    ]);
    let street = street(draw);
    if draw.chance(300) {
        return format!("{number} {direction}  {street}");
    }
    format!("{number} {direction}  {street:<29}{}", draw.pick(&SUFFIXES))
}

/// Streets of a crossing carry their suffix in a little more than half of the rows.
fn crossing(draw: &mut Draw) -> String {
    let street = street(draw);
    if draw.chance(4_200) {
        return street;
    }
    format!("{street:<29}{}", draw.pick(&SUFFIXES))
}

fn street(draw: &mut Draw) -> String {
    if !draw.chance(1_800) {
        return STREETS[draw.below(STREETS.len() as u32) as usize].to_owned();
    }
    let number = 1 + draw.below(120);
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "TH",
        (1, _) => "ST",
        (2, _) => "ND",
        (3, _) => "RD",
        _ => "TH",
    };
    format!("{number}{ending}")
}
