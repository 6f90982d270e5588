"""Countries of the real orders, with the language, zone and names the demo gives to their people.

Real: which country an order went to. Simulated: languages, time zones and names.
"""

from dataclasses import dataclass

UNKNOWN_COUNTRY = "ZZ"  # the code that CLDR keeps for "not known"


@dataclass(frozen=True, slots=True)
class Place:
    """A country as the shop knows it: ISO 3166 alpha-2, BCP 47 language, IANA zone, name pool."""

    iso: str
    language: str
    time_zone: str
    pool: str


_ROWS = """
United Kingdom|GB|en|Europe/London|english
EIRE|IE|en|Europe/Dublin|irish
Channel Islands|JE|en|Europe/Jersey|english
Germany|DE|de|Europe/Berlin|german
Austria|AT|de|Europe/Vienna|german
Switzerland|CH|de|Europe/Zurich|german
France|FR|fr|Europe/Paris|french
Belgium|BE|nl|Europe/Brussels|dutch
Netherlands|NL|nl|Europe/Amsterdam|dutch
Spain|ES|es|Europe/Madrid|spanish
Portugal|PT|pt|Europe/Lisbon|portuguese
Brazil|BR|pt|America/Sao_Paulo|portuguese
Italy|IT|it|Europe/Rome|italian
Malta|MT|en|Europe/Malta|italian
Finland|FI|fi|Europe/Helsinki|finnish
Norway|NO|nb|Europe/Oslo|nordic
Sweden|SE|sv|Europe/Stockholm|nordic
Denmark|DK|da|Europe/Copenhagen|nordic
Iceland|IS|is|Atlantic/Reykjavik|nordic
Poland|PL|pl|Europe/Warsaw|slavic
Czech Republic|CZ|cs|Europe/Prague|slavic
Lithuania|LT|lt|Europe/Vilnius|slavic
Greece|GR|el|Europe/Athens|greek
Cyprus|CY|el|Asia/Nicosia|greek
Japan|JP|ja|Asia/Tokyo|japanese
Hong Kong|HK|en|Asia/Hong_Kong|chinese
Singapore|SG|en|Asia/Singapore|chinese
Israel|IL|he|Asia/Jerusalem|hebrew
Lebanon|LB|ar|Asia/Beirut|arabic
Bahrain|BH|ar|Asia/Bahrain|arabic
Saudi Arabia|SA|ar|Asia/Riyadh|arabic
United Arab Emirates|AE|ar|Asia/Dubai|arabic
Australia|AU|en|Australia/Sydney|english
Canada|CA|en|America/Toronto|english
USA|US|en|America/New_York|english
RSA|ZA|en|Africa/Johannesburg|english
Unspecified|ZZ|en|UTC|english
European Community|ZZ|en|UTC|english
"""

PLACES: dict[str, Place] = {
    name: Place(iso, language, zone, pool)
    for name, iso, language, zone, pool in (row.split("|") for row in _ROWS.split("\n") if row)
}

_FIRST: dict[str, str] = {
    "english": """Emma Olivia Grace Charlotte Sophie Lucy Hannah Amelia Jessica Emily Chloe Megan
        Rebecca Laura Sarah Rachel Helen Karen Susan Margaret Julie Alison Claire Nicola Joanne
        Fiona Heather Wendy Diane Janet Eleanor Harriet Alice Beth Kate Anna Zoe Naomi Priya Aisha
        James Thomas William George Harry Jack Oliver Daniel Matthew Andrew David Peter Stephen
        Mark Paul Simon Richard Robert Christopher Edward Adam Luke Ryan Benjamin Samuel Joseph
        Alan Graham Martin Neil Stuart Keith Colin Ian Nigel Imran Ravi Callum Owen Rhys""",
    "irish": "Aoife Ciara Niamh Sinead Orla Maeve Roisin Sean Conor Declan Eoin Padraig Liam",
    "german": """Anna Lena Julia Katharina Sabine Petra Claudia Monika Heike Birgit Lukas Stefan
        Thomas Michael Andreas Markus Jürgen Wolfgang Matthias Tobias Jörg Uwe""",
    "french": """Camille Léa Manon Chloé Sophie Nathalie Isabelle Sandrine Valérie Hélène Pierre
        Nicolas Julien Thierry Laurent François Olivier Mathieu Hugo Étienne""",
    "dutch": """Sanne Lotte Anouk Marieke Femke Ingrid Els Griet Wouter Jeroen Pieter Bram Maarten
        Koen Luc Dirk Hendrik Joris""",
    "spanish": """Lucía María Carmen Elena Marta Pilar Sofía Raquel Javier Carlos Antonio Pablo
        Sergio Álvaro Miguel Diego""",
    "portuguese": "Ana Beatriz Inês Marta Joana Teresa João Tiago Rui Nuno Pedro Miguel Luís",
    "italian": "Giulia Chiara Francesca Elisa Paola Silvia Marco Luca Andrea Matteo Paolo Giorgio",
    "finnish": "Aino Helmi Kaisa Päivi Riikka Sari Mikko Juha Antti Jukka Ville Eero",
    "nordic": """Ingrid Astrid Sigrid Kari Maja Elsa Freja Linnea Lars Erik Anders Magnus Henrik
        Bjørn Nils Søren Gunnar""",
    "slavic": "Agnieszka Katarzyna Magdalena Ewa Zofia Hana Piotr Marek Tomasz Jan Pavel Jonas",
    "greek": "Eleni Maria Katerina Sofia Ioanna Giorgos Nikos Dimitris Kostas Yiannis Andreas",
    "japanese": "Yuko Akiko Haruka Naomi Keiko Sakura Kenji Takashi Hiroshi Daisuke Satoshi",
    "chinese": "Wing Mei Ling Siu Jia Hui Xin Kai Jun Wei Ming Chi",
    "hebrew": "Noa Tamar Yael Michal Shira Avi Eitan Yossi Amir Oren",
    "arabic": "Layla Fatima Noor Mariam Hala Omar Khalid Yousef Karim Faisal",
}
_LAST: dict[str, str] = {
    "english": """Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson
        Evans Walker White Roberts Green Hall Wood Jackson Clarke Hughes Edwards Turner Hill Moore
        Cooper Ward Morris King Baker Harrison Morgan Allen Scott Watson Parker James Bennett Young
        Phillips Richardson Shaw Cook Carter Lee Bailey Collins Bell Mitchell Murphy Kelly Marshall
        Simpson Adams Cox Mason Mills Webb Rogers Gray Hunt Palmer Holmes Campbell Stewart Patel
        Khan Ahmed Singh Begum Hussain Fraser Murray Reid Barker Pearson Fletcher Ellis Chapman
        Lloyd Griffiths Jenkins Harvey Barnes Knight Matthews Lawson Whitaker Ashworth Thornton""",
    "irish": "Murphy Kelly O'Sullivan Walsh Byrne O'Connor Ryan Doyle McCarthy Gallagher Nolan",
    "german": """Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch
        Bauer Richter Klein Wolf Schröder Neumann Zimmermann Krüger Hofer Huber Keller""",
    "french": """Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent
        Lefebvre Michel Garcia Roux Fournier Girard Bonnet Lambert""",
    "dutch": """Janssens Peeters Maes Jacobs Willems Claes Goossens Wouters Bakker Visser Smit
        Bos Vos Peters Hendriks Dekker Vermeulen""",
    "spanish": """García Rodríguez González Fernández López Martínez Sánchez Pérez Gómez Ruiz Díaz
        Moreno Muñoz Romero Navarro Torres""",
    "portuguese": "Silva Santos Ferreira Pereira Oliveira Costa Rodrigues Martins Sousa Lopes",
    "italian": "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Conti Borg",
    "finnish": "Korhonen Virtanen Mäkinen Nieminen Mäkelä Hämäläinen Laine Heikkinen Koskinen",
    "nordic": """Hansen Johansen Olsen Larsen Andersen Nilsen Johansson Karlsson Lindqvist Berg
        Jensen Nielsen Sørensen Lund Dahl""",
    "slavic": "Nowak Kowalska Wiśniewski Zielinski Kaminski Lewandowski Novák Svoboda Petrauskas",
    "greek": "Papadopoulos Georgiou Nikolaou Christodoulou Ioannou Constantinou Pappas Dimitriou",
    "japanese": "Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura Kobayashi Kato",
    "chinese": "Chan Wong Lau Cheung Lam Tan Lim Ng Ho Leung",
    "hebrew": "Cohen Levi Mizrahi Peretz Friedman Katz Shapiro Azoulay",
    "arabic": "Haddad Khoury Nasser Saleh Mansour Hassan Farouk Aziz",
}

FIRST_NAMES: dict[str, list[str]] = {pool: names.split() for pool, names in _FIRST.items()}
LAST_NAMES: dict[str, list[str]] = {pool: names.split() for pool, names in _LAST.items()}
