"""Word lists for companies and people. Every company and person here is invented."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    """A country and its share of the customers; shares are relative to each other."""

    name: str
    share: float
    region: str
    legal_forms: tuple[str, ...]


@dataclass(frozen=True)
class Locale:
    """The name pattern of companies in one language area, and the language of their messages.

    `pattern` is filled with `stem`, `trade` and `legal`. `trades` holds pairs: the word in the
    company's name, and its industry.
    """

    countries: tuple[Country, ...]
    language: str
    pattern: str
    joiner: str
    stems: tuple[str, ...]
    trades: tuple[tuple[str, str], ...]


# fmt: off
ENGLISH = Locale(
    countries=(
        Country("United States", 0.37, "americas", ("Inc", "LLC", "Co", "")),
        Country("United Kingdom", 0.12, "emea", ("Ltd", "Group", "")),
        Country("Canada", 0.05, "americas", ("Inc", "Corp")),
        Country("Australia", 0.04, "apac", ("Pty Ltd", "Group")),
        Country("Ireland", 0.02, "emea", ("Ltd", "")),
    ),
    language="en",
    pattern="{stem} {trade} {legal}",
    joiner=" & ",
    stems=(
        "Alderbrook", "Amberfield", "Ashdown", "Aspenridge", "Barrowgate", "Bellwether",
        "Birchmere", "Blackthorn", "Bluestem", "Bramley", "Brightwell", "Brookhollow",
        "Calderwick", "Canterly", "Cedarline", "Chesterfold", "Clearmont", "Cloverdale",
        "Coldwater", "Copperleaf", "Cranmore", "Crestview", "Dalewood", "Dovetail", "Driftwood",
        "Dunmore", "Eastgate", "Elmhurst", "Emberly", "Fairhaven", "Falconridge", "Fernhill",
        "Fieldstone", "Foxglove", "Glenmoor", "Goldcrest", "Granite Peak", "Greyfriars",
        "Halcyon", "Harborview", "Hartwell", "Hawksmoor", "Hazelmere", "Heatherton", "Highbury",
        "Hollowell", "Inglewood", "Ironbridge", "Ivywood", "Junewood", "Kestrel", "Kingsbridge",
        "Lakeshore", "Larkspur", "Lindenhall", "Lowland", "Maplecroft", "Marlowe", "Meadowlark",
        "Millbrook", "Moorgate", "Northwind", "Oakhaven", "Orchard Lane", "Otterburn", "Palisade",
        "Pemberly", "Pinecrest", "Quarrystone", "Quillon", "Ravenhill", "Redwater", "Ridgeline",
        "Rivermark", "Rosewick", "Rowanberry", "Saltmarsh", "Sandpiper", "Sedgewick", "Shoreline",
        "Silverbirch", "Southbank", "Sparrowhawk", "Springvale", "Starling", "Stonebridge",
        "Summerfield", "Sycamore", "Tallgrass", "Tamarack", "Thistledown", "Thornbury",
        "Tidemark", "Tillerman", "Twin Rivers", "Underhill", "Valebrook", "Wexcombe", "Westerly",
        "Whitmore", "Wildwood", "Willowbank", "Windermoor", "Wrenfield", "Yarrow", "Yewdale",
        "Zephyr Hill",
    ),
    trades=(
        ("Logistics", "Logistics"), ("Freight", "Logistics"), ("Analytics", "Software"),
        ("Software", "Software"), ("Systems", "Software"), ("Health", "Healthcare"),
        ("Clinics", "Healthcare"), ("Dental", "Healthcare"), ("Capital", "Financial Services"),
        ("Insurance", "Financial Services"), ("Payments", "Financial Services"),
        ("Foods", "Food & Beverage"), ("Brewing", "Food & Beverage"), ("Outfitters", "Retail"),
        ("Home Goods", "Retail"), ("Energy", "Energy"), ("Solar", "Energy"),
        ("Manufacturing", "Manufacturing"), ("Metalworks", "Manufacturing"),
        ("Robotics", "Manufacturing"), ("Media", "Media"), ("Studios", "Media"),
        ("Learning", "Education"), ("Academy", "Education"), ("Legal", "Professional Services"),
        ("Advisory", "Professional Services"), ("Builders", "Construction"),
        ("Properties", "Real Estate"), ("Travel", "Travel & Hospitality"),
        ("Hotels", "Travel & Hospitality"), ("Biotech", "Life Sciences"),
        ("Labs", "Life Sciences"), ("Networks", "Telecommunications"),
    ),
)

GERMAN = Locale(
    countries=(
        Country("Germany", 0.10, "emea", ("GmbH", "AG", "GmbH & Co. KG", "SE")),
        Country("Austria", 0.015, "emea", ("GmbH", "AG")),
        Country("Switzerland", 0.015, "emea", ("AG", "GmbH")),
    ),
    language="de",
    pattern="{stem} {trade} {legal}",
    joiner=" & ",
    stems=(
        "Müller", "Schäfer", "Brandt", "Köhler", "Lindner", "Vogel", "Krüger", "Hartmann",
        "Jäger", "Weiß", "Böhm", "Albrecht", "Seidel", "Grünwald", "Kessler", "Reuter",
        "Baumgärtner", "Hölzl", "Steinbach", "Winkelmann", "Ziegler", "Falkenberg", "Rosenthal",
        "Nordlicht", "Alpenhof", "Hüttner", "Eichhorn", "Möller", "Schröder", "Thalheim",
        "Wieland", "Zöllner",
    ),
    trades=(
        ("Logistik", "Logistics"), ("Spedition", "Logistics"), ("Maschinenbau", "Manufacturing"),
        ("Präzisionstechnik", "Manufacturing"), ("Versicherungen", "Financial Services"),
        ("Softwarehaus", "Software"), ("Datensysteme", "Software"),
        ("Klinikgruppe", "Healthcare"), ("Medizintechnik", "Healthcare"), ("Energie", "Energy"),
        ("Solartechnik", "Energy"), ("Bäckereien", "Food & Beverage"), ("Handel", "Retail"),
        ("Bau", "Construction"), ("Immobilien", "Real Estate"), ("Verlag", "Media"),
        ("Beratung", "Professional Services"), ("Pharma", "Life Sciences"),
        ("Reisen", "Travel & Hospitality"),
    ),
)

FRENCH = Locale(
    countries=(
        Country("France", 0.065, "emea", ("SA", "SAS", "SARL")),
        Country("Belgium", 0.015, "emea", ("SA", "SRL")),
    ),
    language="fr",
    pattern="{trade} {stem} {legal}",
    joiner=" et ",
    stems=(
        "Lefèvre", "Dubois", "Moreau", "Girard", "Beaumont", "Chevalier", "Delacroix", "Fontaine",
        "Gauthier", "Hébert", "Joubert", "Lacroix", "Marchand", "Noël", "Périgord", "Rousseau",
        "Saint-Clair", "Tessier", "Vasseur", "Béranger", "Côté", "Duchêne", "Garnier",
        "Montclair",
    ),
    trades=(
        ("Société", "Professional Services"), ("Transports", "Logistics"),
        ("Ateliers", "Manufacturing"), ("Mécanique", "Manufacturing"), ("Maison", "Retail"),
        ("Assurances", "Financial Services"), ("Cliniques", "Healthcare"),
        ("Logiciels", "Software"), ("Éditions", "Media"), ("Énergies", "Energy"),
        ("Boulangeries", "Food & Beverage"), ("Hôtels", "Travel & Hospitality"),
        ("Bâtiments", "Construction"), ("Laboratoires", "Life Sciences"), ("École", "Education"),
    ),
)

SPANISH = Locale(
    countries=(
        Country("Spain", 0.035, "emea", ("SL", "SA")),
        Country("Mexico", 0.025, "americas", ("SA de CV", "S de RL")),
    ),
    language="es",
    pattern="{trade} {stem} {legal}",
    joiner=" y ",
    stems=(
        "Peñalver", "Ibáñez", "Castellón", "Domínguez", "Escudero", "Fuentes", "Gálvez",
        "Herrera", "Jiménez", "Logroño", "Marín", "Núñez", "Olivares", "Quiroga", "Ríos",
        "Sepúlveda", "Trujillo", "Valdés", "Zamora", "Montenegro",
    ),
    trades=(
        ("Logística", "Logistics"), ("Transportes", "Logistics"), ("Industrias", "Manufacturing"),
        ("Seguros", "Financial Services"), ("Clínicas", "Healthcare"),
        ("Bodegas", "Food & Beverage"), ("Almacenes", "Retail"),
        ("Construcciones", "Construction"), ("Editorial", "Media"), ("Energías", "Energy"),
        ("Sistemas", "Software"), ("Viajes", "Travel & Hospitality"),
    ),
)

PORTUGUESE = Locale(
    countries=(
        Country("Brazil", 0.03, "americas", ("Ltda", "SA")),
        Country("Portugal", 0.015, "emea", ("Lda", "SA")),
    ),
    language="pt",
    pattern="{trade} {stem} {legal}",
    joiner=" e ",
    stems=(
        "Magalhães", "Conceição", "Guimarães", "Araújo", "Brandão", "Camões", "Falcão",
        "Gonçalves", "Leitão", "Monção", "Nóbrega", "Paixão", "Queirós", "Simões", "Teles",
        "Vasconcelos",
    ),
    trades=(
        ("Logística", "Logistics"), ("Indústria", "Manufacturing"),
        ("Seguros", "Financial Services"), ("Alimentos", "Food & Beverage"),
        ("Construções", "Construction"), ("Clínica", "Healthcare"), ("Sistemas", "Software"),
        ("Têxteis", "Manufacturing"), ("Editora", "Media"), ("Energia", "Energy"),
        ("Varejo", "Retail"),
    ),
)

ITALIAN = Locale(
    countries=(Country("Italy", 0.035, "emea", ("SpA", "Srl")),),
    language="en",
    pattern="{trade} {stem} {legal}",
    joiner=" e ",
    stems=(
        "Bellandi", "Carraresi", "Degli Esposti", "Ferrante", "Galvani", "Lombardini",
        "Mantovani", "Nicolò", "Orsini", "Pellegrino", "Quattrocchi", "Santarelli", "Tedeschi",
        "Vianello",
    ),
    trades=(
        ("Ceramiche", "Manufacturing"), ("Officine", "Manufacturing"), ("Trasporti", "Logistics"),
        ("Pastificio", "Food & Beverage"), ("Moda", "Retail"),
        ("Assicurazioni", "Financial Services"), ("Energia", "Energy"),
        ("Società Editrice", "Media"), ("Costruzioni", "Construction"),
    ),
)

DUTCH = Locale(
    countries=(Country("Netherlands", 0.035, "emea", ("BV", "NV")),),
    language="en",
    pattern="{stem} {trade} {legal}",
    joiner=" & ",
    stems=(
        "Van Dalen", "De Groot", "Kuipers", "Vermeulen", "Hoekstra", "Noordzee", "Van Leeuwen",
        "Brouwer", "Zonneveld", "Oosterhuis", "Wouters", "Rijnland", "Smeets", "Dijkman",
    ),
    trades=(
        ("Logistiek", "Logistics"), ("Bloemen", "Retail"), ("Zuivel", "Food & Beverage"),
        ("Techniek", "Manufacturing"), ("Verzekeringen", "Financial Services"),
        ("Zorggroep", "Healthcare"), ("Software", "Software"), ("Bouw", "Construction"),
        ("Windenergie", "Energy"),
    ),
)

POLISH = Locale(
    countries=(Country("Poland", 0.03, "emea", ("Sp. z o.o.", "SA", "")),),
    language="en",
    pattern="{stem} {trade} {legal}",
    joiner=" i ",
    stems=(
        "Łódź", "Wójcik", "Śląsk", "Kowalczyk", "Gdańska", "Zieliński", "Jabłoński", "Poznańska",
        "Wiśniewski", "Żuraw", "Krakowska", "Nowicki",
    ),
    trades=(
        ("Metalworks", "Manufacturing"), ("Transport", "Logistics"), ("Meble", "Retail"),
        ("Piekarnie", "Food & Beverage"), ("Finanse", "Financial Services"),
        ("Technologie", "Software"), ("Budownictwo", "Construction"), ("Energia", "Energy"),
    ),
)

NORDIC = Locale(
    countries=(
        Country("Sweden", 0.025, "emea", ("AB",)),
        Country("Denmark", 0.015, "emea", ("ApS", "A/S")),
    ),
    language="en",
    pattern="{stem} {trade} {legal}",
    joiner=" & ",
    stems=(
        "Björkman", "Ångström", "Söderlund", "Høgh", "Lindqvist", "Nørgaard", "Sjöberg",
        "Østergaard", "Hällström", "Kjær", "Fjällgård", "Bergström", "Skovgaard", "Åkerlund",
    ),
    trades=(
        ("Shipping", "Logistics"), ("Design", "Retail"), ("Timber", "Manufacturing"),
        ("Energi", "Energy"), ("Media", "Media"), ("Biotech", "Life Sciences"),
        ("Fastigheter", "Real Estate"), ("Data", "Software"), ("Seafood", "Food & Beverage"),
    ),
)

JAPANESE = Locale(
    countries=(Country("Japan", 0.03, "apac", ("株式会社",)),),
    language="en",
    pattern="{legal}{stem}{trade}",
    joiner="・",
    stems=(
        "青葉", "白樺", "若草", "朝日野", "桜坂", "北斗", "大和田", "光陽", "瑞穂野", "千歳",
        "山吹", "緑風", "海鳴", "星川", "春日井",
    ),
    trades=(
        ("物流", "Logistics"), ("製作所", "Manufacturing"), ("電機", "Manufacturing"),
        ("食品", "Food & Beverage"), ("建設", "Construction"), ("製薬", "Life Sciences"),
        ("システムズ", "Software"), ("観光", "Travel & Hospitality"), ("出版", "Media"),
    ),
)

LOCALES = (
    ENGLISH,
    GERMAN,
    FRENCH,
    SPANISH,
    PORTUGUESE,
    ITALIAN,
    DUTCH,
    POLISH,
    NORDIC,
    JAPANESE,
)

# fmt: on

# Customer-success managers by region.
MANAGERS = {
    "americas": ("Amara Okafor", "Daniel Reyes", "Priya Raman", "Hannah Lindholm"),
    "emea": ("Jonas Weidner", "Chloé Marchetti", "Tomasz Zawadzki", "Niamh Gallagher"),
    "apac": ("Kenji Morimoto",),
}


def company_name(locale: Locale, serial: int, legal: str) -> str:
    """Return the name of a company; each serial number of a locale gives another name.

    The first names have one stem, later ones two stems, and the last ones also a number.
    """
    stems, trades = locale.stems, locale.trades
    pair, trade = divmod(serial, len(trades))
    cycle, first = divmod(pair, len(stems))
    generation, cycle = divmod(cycle, len(stems))
    stem = stems[first]
    if cycle:
        stem += locale.joiner + stems[(first + cycle) % len(stems)]
    name = locale.pattern.format(stem=stem, trade=trades[trade][0], legal=legal)
    if generation:
        name += f" {generation + 1}"
    return " ".join(name.split())
