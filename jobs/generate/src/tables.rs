//! How often each value occurs in 10,000 real rows, rounded here and there. No row is copied.

/// One of the LAPD's 21 areas.
pub(crate) struct Area {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    /// Records of 10,000.
    pub(crate) share: u32,
    /// The middle of its records, in 1/10,000 degrees, and how far they spread.
    pub(crate) latitude: i32,
    pub(crate) longitude: i32,
    pub(crate) north_south: u32,
    pub(crate) east_west: u32,
}

const fn area(
    number: u32,
    name: &'static str,
    share: u32,
    at: (i32, i32),
    spread: (u32, u32),
) -> Area {
    Area {
        number,
        name,
        share,
        latitude: at.0,
        longitude: at.1,
        north_south: spread.0,
        east_west: spread.1,
    }
}

pub(crate) static AREAS: [Area; 21] = [
    area(1, "Central", 1342, (340_476, -1_182_506), (74, 98)),
    area(2, "Rampart", 961, (340_637, -1_182_740), (119, 100)),
    area(3, "Southwest", 1172, (340_203, -1_183_165), (99, 256)),
    area(4, "Hollenbeck", 854, (340_560, -1_182_018), (224, 167)),
    area(5, "Harbor", 1027, (337_750, -1_182_860), (399, 178)),
    area(6, "Hollywood", 501, (340_998, -1_183_299), (88, 176)),
    area(7, "Wilshire", 524, (340_627, -1_183_535), (150, 157)),
    area(8, "West LA", 560, (340_515, -1_184_416), (172, 431)),
    area(9, "Van Nuys", 457, (341_761, -1_184_454), (197, 150)),
    area(10, "West Valley", 436, (341_878, -1_185_224), (192, 248)),
    area(11, "Northeast", 503, (341_078, -1_182_430), (174, 354)),
    area(12, "77th Street", 157, (339_766, -1_183_006), (123, 209)),
    area(13, "Newton", 149, (340_106, -1_182_584), (162, 140)),
    area(14, "Pacific", 283, (339_896, -1_184_276), (240, 257)),
    area(15, "N Hollywood", 273, (341_671, -1_183_851), (198, 179)),
    area(16, "Foothill", 102, (342_453, -1_183_642), (214, 466)),
    area(17, "Devonshire", 172, (342_521, -1_185_336), (195, 364)),
    area(18, "Southeast", 119, (339_368, -1_182_678), (182, 186)),
    area(19, "Mission", 112, (342_576, -1_184_476), (364, 181)),
    area(20, "Olympic", 156, (340_607, -1_183_014), (111, 100)),
    area(21, "Topanga", 140, (341_885, -1_186_010), (198, 213)),
];

#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// Where cars stand.
    Parked,
    Anywhere,
}

#[derive(Clone, Copy)]
pub(crate) enum Weapons {
    Hands,
    Arms,
    Threat,
}

#[derive(Clone, Copy)]
pub(crate) struct Crime {
    pub(crate) code: &'static str,
    pub(crate) part: u32,
    pub(crate) description: &'static str,
    pub(crate) place: Place,
    pub(crate) weapons: Weapons,
    /// How many of 1,000 records name a weapon.
    pub(crate) armed: u32,
    /// How many of 1,000 records have no victim, a victim without a sex (X), and a woman; the rest are men.
    pub(crate) victims: [u32; 3],
}

const fn crime(
    part: u32,
    code: &'static str,
    description: &'static str,
    (place, weapons): (Place, Weapons),
    armed: u32,
    victims: [u32; 3],
) -> Crime {
    Crime {
        code,
        part,
        description,
        place,
        weapons,
        armed,
        victims,
    }
}

#[rustfmt::skip]
pub(crate) static CRIMES: [(u32, Crime); 46] = {
    use Place::{Anywhere, Parked};
    use Weapons::{Arms, Hands, Threat};
    [
        (3080, crime(1, "331", "THEFT FROM MOTOR VEHICLE - GRAND ($950.01 AND OVER)", (Parked, Arms), 12, [0, 56, 348])),
        (705, crime(1, "510", "VEHICLE - STOLEN", (Parked, Arms), 0, [995, 2, 2])),
        (620, crime(2, "624", "BATTERY - SIMPLE ASSAULT", (Anywhere, Hands), 1000, [0, 2, 466])),
        (545, crime(1, "330", "BURGLARY FROM VEHICLE", (Parked, Arms), 56, [0, 28, 397])),
        (456, crime(1, "440", "THEFT PLAIN - PETTY ($950 & UNDER)", (Anywhere, Hands), 18, [0, 86, 436])),
        (445, crime(2, "740", "VANDALISM - FELONY ($400 & OVER, ALL CHURCH VANDALISMS)", (Anywhere, Arms), 90, [2, 200, 318])),
        (368, crime(1, "420", "THEFT FROM MOTOR VEHICLE - PETTY ($950 & UNDER)", (Parked, Arms), 5, [426, 19, 203])),
        (356, crime(1, "310", "BURGLARY", (Anywhere, Arms), 71, [0, 266, 246])),
        (319, crime(1, "230", "ASSAULT WITH DEADLY WEAPON, AGGRAVATED ASSAULT", (Anywhere, Arms), 1000, [0, 22, 277])),
        (300, crime(2, "354", "THEFT OF IDENTITY", (Anywhere, Hands), 0, [0, 7, 458])),
        (280, crime(2, "626", "INTIMATE PARTNER - SIMPLE ASSAULT", (Anywhere, Hands), 996, [0, 4, 767])),
        (276, crime(2, "745", "VANDALISM - MISDEAMEANOR ($399 OR UNDER)", (Anywhere, Arms), 69, [0, 164, 353])),
        (248, crime(1, "210", "ROBBERY", (Anywhere, Hands), 1000, [0, 146, 219])),
        (239, crime(1, "341", "THEFT-GRAND ($950.01 & OVER)EXCPT,GUNS,FOWL,LIVESTK,PROD", (Anywhere, Hands), 30, [4, 135, 350])),
        (194, crime(1, "442", "SHOPLIFTING - PETTY THEFT ($950 & UNDER)", (Anywhere, Hands), 10, [0, 589, 73])),
        (151, crime(2, "930", "CRIMINAL THREATS - NO WEAPON DISPLAYED", (Anywhere, Threat), 993, [0, 20, 497])),
        (97, crime(2, "888", "TRESPASSING", (Anywhere, Hands), 11, [0, 305, 326])),
        (88, crime(1, "480", "BIKE - STOLEN", (Anywhere, Hands), 0, [0, 11, 161])),
        (85, crime(1, "236", "INTIMATE PARTNER - AGGRAVATED ASSAULT", (Anywhere, Hands), 1000, [0, 0, 714])),
        (82, crime(1, "761", "BRANDISH WEAPON", (Anywhere, Arms), 1000, [0, 12, 235])),
        (79, crime(2, "901", "VIOLATION OF RESTRAINING ORDER", (Anywhere, Threat), 38, [0, 0, 795])),
        (68, crime(2, "956", "LETTERS, LEWD  -  TELEPHONE CALLS, LEWD", (Anywhere, Threat), 60, [0, 45, 612])),
        (66, crime(2, "946", "OTHER MISCELLANEOUS CRIME", (Anywhere, Threat), 111, [0, 270, 254])),
        (62, crime(2, "951", "DEFRAUDING INNKEEPER/THEFT OF SERVICES, $950 & UNDER", (Anywhere, Hands), 66, [0, 574, 66])),
        (58, crime(1, "350", "THEFT, PERSON", (Anywhere, Hands), 404, [0, 18, 474])),
        (52, crime(2, "662", "BUNCO, GRAND THEFT", (Anywhere, Hands), 0, [0, 39, 471])),
        (43, crime(1, "220", "ATTEMPTED ROBBERY", (Anywhere, Hands), 1000, [0, 71, 238])),
        (42, crime(2, "860", "BATTERY WITH SEXUAL CONTACT", (Anywhere, Hands), 1000, [0, 0, 976])),
        (39, crime(2, "900", "VIOLATION OF COURT ORDER", (Anywhere, Threat), 53, [0, 0, 474])),
        (36, crime(1, "320", "BURGLARY, ATTEMPTED", (Anywhere, Arms), 34, [0, 241, 379])),
        (35, crime(1, "121", "RAPE, FORCIBLE", (Anywhere, Hands), 1000, [0, 0, 985])),
        (32, crime(2, "627", "CHILD ABUSE (PHYSICAL) - SIMPLE ASSAULT", (Anywhere, Hands), 1000, [0, 0, 586])),
        (30, crime(2, "625", "OTHER ASSAULT", (Anywhere, Hands), 963, [0, 37, 259])),
        (29, crime(2, "623", "BATTERY POLICE (SIMPLE)", (Anywhere, Hands), 1000, [0, 423, 38])),
        (28, crime(2, "753", "DISCHARGE FIREARMS/SHOTS FIRED", (Anywhere, Arms), 1000, [0, 731, 77])),
        (27, crime(2, "664", "BUNCO, PETTY THEFT", (Anywhere, Hands), 0, [0, 83, 458])),
        (26, crime(2, "649", "DOCUMENT FORGERY / STOLEN FELONY", (Anywhere, Hands), 0, [0, 174, 348])),
        (25, crime(1, "520", "VEHICLE - ATTEMPT STOLEN", (Parked, Arms), 45, [0, 45, 318])),
        (24, crime(1, "648", "ARSON", (Anywhere, Arms), 400, [0, 350, 250])),
        (22, crime(2, "940", "EXTORTION", (Anywhere, Threat), 250, [0, 0, 450])),
        (20, crime(1, "251", "SHOTS FIRED AT INHABITED DWELLING", (Anywhere, Arms), 1000, [0, 56, 389])),
        (20, crime(2, "850", "INDECENT EXPOSURE", (Anywhere, Hands), 222, [0, 0, 889])),
        (20, crime(2, "668", "EMBEZZLEMENT, GRAND THEFT ($950.01 & OVER)", (Anywhere, Hands), 0, [0, 667, 111])),
        (18, crime(1, "343", "SHOPLIFTING-GRAND THEFT ($950.01 & OVER)", (Anywhere, Hands), 63, [0, 438, 188])),
        (12, crime(2, "886", "DISTURBING THE PEACE", (Anywhere, Threat), 273, [0, 0, 545])),
        (7, crime(1, "110", "CRIMINAL HOMICIDE", (Anywhere, Arms), 1000, [0, 0, 167])),
    ]
};

#[rustfmt::skip]
pub(crate) static SECOND_CODES: [(u32, &str); 7] = [
    (486, "998"), (14, "480"), (12, "930"), (11, "860"), (8, "740"), (6, "626"), (5, "812"),
];

type Described = (u32, (&'static str, &'static str));

pub(crate) static PARKED: [Described; 12] = [
    (2630, ("101", "STREET")),
    (825, ("108", "PARKING LOT")),
    (284, ("104", "DRIVEWAY")),
    (181, ("123", "PARKING UNDERGROUND/BUILDING")),
    (170, ("707", "GARAGE/CARPORT")),
    (128, ("501", "SINGLE FAMILY DWELLING")),
    (74, ("502", "MULTI-UNIT DWELLING (APARTMENT, DUPLEX, ETC)")),
    (52, ("102", "SIDEWALK")),
    (52, ("122", "VEHICLE, PASSENGER/TRUCK")),
    (48, ("103", "ALLEY")),
    (33, ("203", "OTHER BUSINESS")),
    (24, ("121", "YARD (RESIDENTIAL/BUSINESS)")),
];

pub(crate) static ANYWHERE: [Described; 34] = [
    (953, ("501", "SINGLE FAMILY DWELLING")),
    (838, ("502", "MULTI-UNIT DWELLING (APARTMENT, DUPLEX, ETC)")),
    (633, ("101", "STREET")),
    (439, ("102", "SIDEWALK")),
    (321, ("203", "OTHER BUSINESS")),
    (283, ("122", "VEHICLE, PASSENGER/TRUCK")),
    (162, ("108", "PARKING LOT")),
    (137, ("210", "RESTAURANT/FAST FOOD")),
    (83, ("404", "DEPARTMENT STORE")),
    (65, ("402", "MARKET")),
    (58, ("406", "OTHER STORE")),
    (55, ("707", "GARAGE/CARPORT")),
    (53, ("109", "PARK/PLAYGROUND")),
    (51, ("710", "OTHER PREMISE")),
    (48, ("503", "HOTEL")),
    (40, ("121", "YARD (RESIDENTIAL/BUSINESS)")),
    (39, ("103", "ALLEY")),
    (37, ("401", "MINI-MART")),
    (37, ("301", "GAS STATION")),
    (36, ("403", "DRUG STORE")),
    (33, ("504", "OTHER RESIDENCE")),
    (31, ("104", "DRIVEWAY")),
    (26, ("702", "OFFICE BUILDING/OFFICE")),
    (24, ("735", "NIGHT CLUB (OPEN EVENINGS ONLY)")),
    (24, ("701", "HOSPITAL")),
    (24, ("119", "PORCH, RESIDENTIAL")),
    (24, ("221", "PUBLIC STORAGE")),
    (22, ("123", "PARKING UNDERGROUND/BUILDING")),
    (22, ("721", "HIGH SCHOOL")),
    (21, ("726", "POLICE FACILITY")),
    (19, ("801", "MTA BUS")),
    (19, ("738", "LIBRARY")),
    (17, ("124", "BUS STOP")),
    (16, ("602", "BANK")),
];

pub(crate) static HANDS: [Described; 10] = [
    (
        1120,
        ("400", "STRONG-ARM (HANDS, FIST, FEET OR BODILY FORCE)"),
    ),
    (135, ("500", "UNKNOWN WEAPON/OTHER WEAPON")),
    (35, ("102", "HAND GUN")),
    (20, ("511", "VERBAL THREAT")),
    (18, ("200", "KNIFE WITH BLADE 6INCHES OR LESS")),
    (16, ("109", "SEMI-AUTOMATIC PISTOL")),
    (9, ("308", "STICK")),
    (8, ("307", "VEHICLE")),
    (8, ("113", "SIMULATED GUN")),
    (6, ("512", "MACE/PEPPER SPRAY")),
];

pub(crate) static ARMS: [Described; 20] = [
    (110, ("500", "UNKNOWN WEAPON/OTHER WEAPON")),
    (
        80,
        ("400", "STRONG-ARM (HANDS, FIST, FEET OR BODILY FORCE)"),
    ),
    (68, ("102", "HAND GUN")),
    (40, ("207", "OTHER KNIFE")),
    (32, ("200", "KNIFE WITH BLADE 6INCHES OR LESS")),
    (29, ("106", "UNKNOWN FIREARM")),
    (22, ("212", "BOTTLE")),
    (20, ("512", "MACE/PEPPER SPRAY")),
    (18, ("306", "ROCK/THROWN OBJECT")),
    (15, ("312", "PIPE/METAL PIPE")),
    (13, ("302", "BLUNT INSTRUMENT")),
    (12, ("109", "SEMI-AUTOMATIC PISTOL")),
    (12, ("205", "KITCHEN KNIFE")),
    (11, ("201", "KNIFE WITH BLADE OVER 6 INCHES IN LENGTH")),
    (10, ("304", "CLUB/BAT")),
    (9, ("215", "MACHETE")),
    (9, ("506", "FIRE")),
    (7, ("219", "SCREWDRIVER")),
    (5, ("311", "HAMMER")),
    (4, ("103", "RIFLE")),
];

pub(crate) static THREATS: [Described; 4] = [
    (130, ("511", "VERBAL THREAT")),
    (11, ("500", "UNKNOWN WEAPON/OTHER WEAPON")),
    (8, ("400", "STRONG-ARM (HANDS, FIST, FEET OR BODILY FORCE)")),
    (3, ("113", "SIMULATED GUN")),
];

pub(crate) static STATUSES: [Described; 5] = [
    (8612, ("IC", "Invest Cont")),
    (741, ("AO", "Adult Other")),
    (614, ("AA", "Adult Arrest")),
    (27, ("JA", "Juv Arrest")),
    (6, ("JO", "Juv Other")),
];

#[rustfmt::skip]
pub(crate) static DESCENTS_M: [(u32, &str); 13] = [
    (1784, "H"), (1583, "W"), (598, "B"), (500, "O"), (157, "A"), (71, "X"), (28, "F"),
    (27, "C"), (24, "K"), (12, "J"), (10, "I"), (8, "V"), (2, "Z"),
];

#[rustfmt::skip]
pub(crate) static DESCENTS_F: [(u32, &str); 13] = [
    (1314, "H"), (1000, "W"), (619, "B"), (313, "O"), (131, "A"), (29, "K"), (14, "X"),
    (14, "F"), (9, "C"), (8, "J"), (6, "I"), (4, "V"), (2, "P"),
];

/// Ages from and to, of victims whose age is known.
#[rustfmt::skip]
pub(crate) static AGES: [(u32, (u32, u32)); 18] = [
    (27, (2, 9)), (75, (10, 14)), (84, (15, 17)), (59, (18, 18)), (224, (19, 19)),
    (746, (20, 24)), (1079, (25, 29)), (1124, (30, 34)), (998, (35, 39)), (729, (40, 44)),
    (651, (45, 49)), (623, (50, 54)), (596, (55, 59)), (447, (60, 64)), (279, (65, 69)),
    (265, (70, 79)), (73, (80, 94)), (9, (99, 99)),
];

/// Months of 2020 and their days. The first month is so full because the real sample is the beginning of the file.
#[rustfmt::skip]
pub(crate) static MONTHS: [(u32, (u32, u32)); 12] = [
    (3806, (1, 31)), (1125, (2, 29)), (601, (3, 31)), (439, (4, 30)), (539, (5, 31)),
    (492, (6, 30)), (515, (7, 31)), (463, (8, 31)), (468, (9, 30)), (485, (10, 31)),
    (505, (11, 30)), (562, (12, 31)),
];

/// Days from the deed to the report, from and to.
#[rustfmt::skip]
pub(crate) static DELAYS: [(u32, (u32, u32)); 14] = [
    (4365, (0, 0)), (2535, (1, 1)), (795, (2, 2)), (445, (3, 3)), (297, (4, 4)), (204, (5, 5)),
    (128, (6, 6)), (121, (7, 7)), (204, (8, 10)), (160, (11, 14)), (267, (15, 30)),
    (165, (31, 100)), (214, (101, 400)), (100, (401, 1_144)),
];

#[rustfmt::skip]
pub(crate) static HOURS: [(u32, u32); 24] = [
    (378, 0), (274, 1), (249, 2), (222, 3), (186, 4), (194, 5), (180, 6), (238, 7), (347, 8),
    (348, 9), (401, 10), (415, 11), (595, 12), (453, 13), (482, 14), (542, 15), (529, 16),
    (587, 17), (676, 18), (627, 19), (635, 20), (508, 21), (514, 22), (421, 23),
];

/// Minutes that people name; the last entry stands for any other.
#[rustfmt::skip]
pub(crate) static MINUTES: [(u32, Option<u32>); 13] = [
    (4_745, Some(0)), (1_868, Some(30)), (479, Some(45)), (439, Some(15)), (385, Some(20)),
    (355, Some(50)), (336, Some(40)), (234, Some(10)), (185, Some(25)), (184, Some(5)),
    (164, Some(35)), (149, Some(55)), (477, None),
];

#[rustfmt::skip]
pub(crate) static MOCODE_COUNTS: [(u32, u32); 10] = [
    (1_419, 1), (2_115, 2), (1_974, 3), (1_421, 4), (955, 5), (517, 6), (293, 7), (173, 8),
    (116, 9), (101, 10),
];

/// Codes of acts; 0 stands for any of the many rare ones.
#[rustfmt::skip]
pub(crate) static MOCODES: [(u32, u32); 25] = [
    (4_869, 344), (3_055, 1822), (1_819, 1300), (1_329, 329), (1_288, 385), (928, 913),
    (889, 416), (851, 1606), (533, 1202), (521, 1402), (506, 1309), (485, 2004), (474, 2000),
    (419, 1307), (387, 400), (378, 1609), (311, 1814), (287, 334), (277, 325), (266, 1218),
    (265, 444), (257, 377), (254, 1601), (245, 352), (6_000, 0),
];

#[rustfmt::skip]
pub(crate) static SUFFIXES: [(u32, &str); 10] = [
    (3_642, "ST"), (2_748, "AV"), (1_522, "BL"), (457, "DR"), (247, "PL"), (134, "RD"),
    (116, "WY"), (49, "HY"), (45, "LN"), (19, "TR"),
];

/// Made-up names.
#[rustfmt::skip]
pub(crate) static STREETS: [&str; 96] = [
    "ALDERMOOR", "AMBERLEIGH", "ARROYO FALSO", "ASHGATE", "BANNERWOOD", "BARLOW HEATH",
    "BELL HARROW", "BIRCHEN", "BLUE LANTERN", "BRAMBLECROFT", "BRIGHTMERE", "BURNT ORCHARD",
    "CALLOWAY POND", "CANDLEWICK", "CARDAMOM", "CEDAR LATCH", "CHALKDOWN", "CINDERPATH",
    "CLOVERFELL", "COBBLEMORE", "COPPER KETTLE", "CORNCRAKE", "CRESTFALLOW", "DAMSON",
    "DAPPLEGROVE", "DEWBERRY", "DOVECOTE", "DRUMLIN", "DUSKWATER", "EASTERLING", "ELDERBECK",
    "EMBERLY", "FALCONHURST", "FERNHOLLOW", "FIDDLEHEAD", "FOXTARRY", "GALLOWGLASS",
    "GANDERVILLE", "GINGERBREAD", "GLASSMAKER", "GOLDCREST", "GOOSEFOOT", "GREY HERON",
    "HALFPENNY", "HARBINGER", "HAZELDINE", "HEATHERSTOW", "HOLLYHOCK", "HONEYSTONE", "INKBERRY",
    "IRONWRIGHT", "JUNIPER BEND", "KESTRELGATE", "KINGFISHER", "LACEWING", "LARKENDALE",
    "LAVENDER HITHE", "LIMEBURNER", "LOAMHURST", "LOW MEADOWS", "MALLOWFIELD", "MAPLETHORN",
    "MARSHLIGHT", "MERCERON", "MILLWHEEL", "MOONRAKER", "MOSSCLIFFE", "NETTLEBED", "NIGHTJAR",
    "NUTHATCH", "OAKAPPLE", "OLD FERRYMAN", "ORCHARDLEY", "OXBOWER", "PADDLESTONE",
    "PEPPERWORT", "PERIWINKLE", "PIPERSHILL", "PLOUGHSHARE", "QUAILRUN", "QUINCEBURY",
    "RAMSONS", "REDSTART", "ROWANLEA", "SALT CELLAR", "SANDPIPER", "SILVERWEED", "SKYLARKING",
    "SORRELTON", "STARLINGSIDE", "TANGLEWATER", "THISTLEDOWN", "TINDERBOX", "UMBERFORD",
    "WAGTAIL", "WILLOWHERB",
];
