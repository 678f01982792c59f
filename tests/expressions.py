#!/usr/bin/env python3
"""What Python 3 says to the expressions below: tests/data/expressions.ndjson, for tests/unit/expr.c.

    expressions.py >data/expressions.ndjson

The first line is the document.  A line an expression: {"text","value"}; {"text","raises"} where Python has an exception; {"text","at"}
where ours must be refused, with the place that must be marked (here @@). doc is a document as Frappe has
it: its fields are there, null or not; get gives the default only for what is no field.
"""
import datetime, json, math, sys

FIELDS = json.loads("""{"doctype": "Sales Invoice", "name": "SINV-0001", "docstatus": 1, "customer": "Ann & Söhne", "empty": "",
 "nothing": null, "count": 3, "zero": 0, "minus": -7, "rate": 2.5, "tenth": 0.1, "whole": 4.0, "large": 12345678901234567890,
 "total": 1180.50, "posting_date": "2026-11-23", "code": "  ab12  ", "digits": "42", "amount": "1,234.50", "greek": "ΑΒΓ",
 "territory": "North", "is_return": 0, "tags": "red,green", "flag": true,
 "items": [{"name": "r1", "item_code": "PEN", "qty": 2, "rate": 1.5, "note": null},
           {"name": "r2", "item_code": "INK", "qty": 10, "rate": 12.25, "note": "fragile"},
           {"name": "r3", "item_code": "PEN", "qty": 0, "rate": 0.0, "note": ""}],
 "taxes": []}""")

class Doc:
    def __init__(self, d): self.__dict__.update({k: [Doc(r) for r in v] if isinstance(v, list) else v for k, v in d.items()})
    def get(self, k, d=None): return self.__dict__.get(k, d)
    def __getitem__(self, k): return self.__dict__.get(k)
    def __getattr__(self, k): return None
    def __bool__(self): return True

def rounded(x, n=0):                                # frappe.utils.rounded of v14
    m = 10 ** n
    num = round(x * m, 8)
    low = math.floor(num)
    part = num - low
    if not n and part == .5: return low if low % 2 == 0 else low + 1
    if part == .5: num = low if low % 2 == 0 else low + 1
    else: num = round(num)
    return num / m if n else num

def flt(s, precision=None):
    if isinstance(s, str): s = s.replace(",", "")
    try: n = float(s)
    except Exception: n = 0.0
    return n if precision is None else float(rounded(n, precision))

def cint(s):
    try: return int(float(s))
    except Exception: return 0

def getdate(s=None): return datetime.date.fromisoformat(s[:10]).isoformat()
def add_days(d, n): return (datetime.date.fromisoformat(d[:10]) + datetime.timedelta(days=cint(n))).isoformat()
class Site:                                         # as the one in tests/unit/expr.c
    def get_value(self, dt, f, field):
        assert isinstance(dt, str) and isinstance(field, str)
        return {"country": "India", "name": "Global Defaults"}.get(field) if (dt, f) == ("Global Defaults", None) else \
            dict(name="Ann", tax_id="T1", limit=500).get(field) if dt == "Customer" and f in ("Ann", {"tax_id": "T1"}) else None
    def exists(self, dt, f=None): return self.get_value(dt, f, "name")
    def count(self, dt, f=None): return 2 if f is None else 1 if f == {"tax_id": "T1"} else 0
class Utils: flt, cint, getdate, add_days = staticmethod(flt), staticmethod(cint), staticmethod(getdate), staticmethod(add_days)
class Frappe: db, utils = Site(), Utils

GOOD = r"""
doc.docstatus == 1
doc.docstatus == 1.0
doc.docstatus == True
doc.docstatus == "1"
doc.docstatus != "1"
doc.zero == False
doc.flag == 1
doc.flag is True
doc.docstatus is True
doc.count
doc.nothing
doc.empty
doc.items
doc.taxes
not doc.items
not doc.taxes
not not doc.customer
doc.nothing == None
doc.nothing is None
doc.customer is not None
doc.nothing is not None
None is None
doc.territory == "North" and doc.total > 1000
doc.territory == "South" or doc.total > 1000
doc.territory == 'South' or doc.total > 1000 and doc.is_return
doc.empty or "default"
doc.customer or "default"
doc.customer and doc.territory
doc.zero and doc.territory
doc.zero or doc.empty or doc.nothing
not doc.zero and not doc.empty
not doc.zero == 1
1 < doc.count < 5
1 < doc.count < 3
1 < doc.count <= 3 < 4
doc.count > 1 > 0
doc.count == 3 == 3.0
1 == 1 != 2
doc.large > 12345678901234567889
doc.large == 12345678901234567890
doc.large < 12345678901234567891
doc.large > 1e19
doc.large > 5
-5 < doc.large
doc.tenth + 0.2 == 0.3
doc.tenth == 0.1
doc.total == 1180.5
doc.total > "1000"
doc.territory > 5
doc.nothing > 3
doc.nothing < doc.nothing
doc.territory < "Norti"
"a" < "b"
"B" < "a"
"" < "a"
"abc" <= "abc"
"ab" < "abc"
doc.greek > "z"
[1, 2] < [1, 3]
[1, 2] == [1, 2.0]
(1, 2) == (1, 2)
[1] < [1, 0]
[] == []
doc.territory in ["North", "South"]
doc.territory in ("East",)
doc.territory not in ["North"]
doc.territory in []
doc.count in [1, 2, 3]
doc.count in [3.0]
doc.nothing in [None]
"or" in doc.territory
"x" in doc.territory
"" in doc.empty
"red" in doc.tags
1 in doc.territory
doc.territory in doc.nothing
"o" not in doc.territory
not "o" in doc.territory
1 + 2 * 3
(1 + 2) * 3
7 - 2 - 1
2 * 3 + 4 * 5
doc.count + doc.rate
doc.count * 2
doc.count / 2
4 / 2
doc.whole
doc.count // 2
doc.minus // 2
doc.minus % 3
7 % -3
-7.5 // 2
-7.5 % 2
doc.count / doc.zero
doc.count % 0
doc.rate // 0
-doc.count
+doc.count
--3
- doc.minus + 1
-doc.territory
2 - -3
5 - 3 == 2
1e3
1.5e-3
.5 + 1.
1e16
1e15
1e22
123456789.123
0.00001
0.0001
5e-324
"a" + "b"
"a" + 1
[1] + [2]
doc.territory + " " + doc.customer
"a" "b" 'c'
"it's"
'say "x"'
"tab\tend"
"\u00e9t\x41"
"back\\slash"
1 if doc.count > 2 else 0
"big" if doc.total > 10000 else "middle" if doc.total > 1000 else "small"
(1 if doc.zero else 2) + 3
1 if doc.zero else 1 / 0
1 if not doc.zero else 1 / 0
len(doc.territory)
len(doc.greek)
len(doc.items)
len(doc.taxes)
len([])
len(doc.count)
len(doc.nothing)
str(doc.count)
str(doc.rate)
str(doc.whole)
str(doc.nothing)
str(True)
str(doc.large)
str(1e16)
str(0.1)
str(-0.5)
str(100000.0)
str("x")
int("42")
int(" 42 ")
int("-7")
int("4.5")
int("x")
int("")
int(4.7)
int(-4.7)
int(doc.nothing)
int(True)
int(doc.digits) + 1
float("2.5")
float("1e3")
float(3)
float("x")
float(doc.digits)
doc.territory.lower()
doc.territory.upper()
doc.greek.lower()
doc.customer.upper()
doc.code.strip()
doc.code.strip().upper() == "AB12"
doc.territory.startswith("No")
doc.territory.endswith("th")
doc.territory.startswith("")
doc.territory.endswith("xx")
doc.territory.startswith(1)
doc.count.lower()
doc.nothing.strip()
"ABC".lower() == "abc"
doc.get("territory")
doc.get("territory", "x")
doc.get("nosuch", "x")
doc.get("nothing", "x")
doc.get("nosuch")
doc["territory"]
doc.get("count") + 1
any(d.qty > 5 for d in doc.items)
any(d.qty > 50 for d in doc.items)
all(d.qty >= 0 for d in doc.items)
all(d.qty > 0 for d in doc.items)
any([d.item_code == "INK" for d in doc.items])
all([])
any([])
sum(d.qty for d in doc.items)
sum(d.qty * d.rate for d in doc.items)
sum([d.qty for d in doc.items])
sum([])
sum(d.qty for d in doc.items if d.item_code == "PEN")
sum(d.item_code for d in doc.items)
len([d for d in doc.items if d.note])
len([d.name for d in doc.items if d.qty > 0 and d.rate > 1])
[d.item_code for d in doc.items]
"INK" in [d.item_code for d in doc.items]
any(x == doc.count for x in [1, 2, 3])
any(d.note is None for d in doc.items)
all(d.get("rate", 5) is not None for d in doc.items)
any(any(b.qty > a.qty for b in doc.items) for a in doc.items)
sum(len([b for b in doc.items if b.item_code == a.item_code]) for a in doc.items)
any(d.qty for d in doc.nothing)
any(d.x for d in [1])
any(doc.items)
sum([1, 2.5])
sum(["a"])
flt("1,234.50")
flt(doc.amount) > 1000
flt(None)
flt("x")
flt(2.675, 2)
flt(0.5, 0)
flt(1.5, 0)
flt(2.345, 1)
frappe.utils.flt(doc.digits)
cint("42")
cint("4.9")
cint("x")
cint(None)
cint(True)
frappe.utils.cint(doc.rate)
getdate(doc.posting_date)
getdate("2026-11-23 10:11:12.000001") == doc.posting_date
getdate("no date")
add_days(doc.posting_date, 10)
add_days(doc.posting_date, -23)
frappe.utils.add_days("2024-02-28", 1)
add_days("2026-12-31", 1) > doc.posting_date
doc.posting_date >= "2026-01-01"
doc.posting_date < "2026-11-23"
frappe.db.get_value("Global Defaults", None, "country")
frappe.db.get_value('Global Defaults', None, 'country') == "India"
frappe.db.get_value("Customer", "Ann", "tax_id")
frappe.db.get_value("Customer", {"tax_id": "T1"}, "limit") + 1
frappe.db.get_value("Customer", "Bob", "tax_id")
frappe.db.exists("Customer", "Ann")
frappe.db.exists("Customer", doc.customer)
not frappe.db.exists("Customer", {"tax_id": "T9"})
frappe.db.count("Customer")
frappe.db.count("Customer", {"tax_id": "T1"}) == 1
frappe.db.get_value(1, None, "x")
(doc.count)
((doc.count > 1))
 doc.count
True
False
None
"text"
[1, "a", None, True, 2.5]
not None
True and False or True
True or 1 / 0
False and 1 / 0
1 / 0 or True
doc.a1 is None
doc.is_return == 0 and doc.docstatus == 1 and doc.total > 100
[[y for y in [1, 2]]]
len([[x for x in [1, 2, 3]]])
[x for x in [[y for y in [1, 2]]]]
[[x for x in [1, 2]], [3]]
str(1e400)
str(-1e400)
1e400 > doc.large
-1e400 < 0
1e400 == 1e400
not 1e400
int(1e400)
cint(1e400)
cint(12345678901234567890)
int(1e19)
int(-1.5e19)
int(doc.total * 1e16)
str(int(1e22))
add_days("9999-12-31", 1)
add_days("0001-01-01", -1)
add_days("9999-12-30", 1)
"\u00a0x\u2003".strip()
"\u3000 x\u200b ".strip()
"\u0085x".strip() == "x"
-1 / 9007199254740993
9007199254740993 / 3
7.5 // -2
-7.5 // 2
1e300 // 3.0
""".strip("\n").split("\n")

BAD = r"""
@@
doc.@@
doc
@@doc and 1
doc.count @@= 1
doc.count == @@
doc.count ==@@= 1
doc.count == 1 @@; import os
doc.count == 1 and@@
doc.count or @@or 1
(doc.count@@
doc.count@@)
[1, 2@@
{"a": 1@@
{@@a: 1}
@@count == 1
@@__import__('os').system('x')
doc.@@__class__()
doc.count @@** 2
doc.count @@& 1
doc.count @@| 1
doc.count @@<< 1
@@~doc.count
@@lambda: 1
doc.territory.@@split(",")
doc.territory.@@count
doc.territory[@@0]
doc[@@0]
@@"open
@@'''three'''
"bad @@\q"
"nul @@\x00"
@@f"x"
@@0x10
@@01
@@1_000
1 if doc.count@@
doc.count is @@3
doc.count not @@3
@@len()
@@len(1, 2)
@@print(doc.count)
@@frappe.db.sql("x")
@@frappe.session.user
@@frappe.db.set_value("a", "b", "c")
any(d.qty for d @@of doc.items)
any(d.qty for @@1 in doc.items)
any(@@e.qty for d in doc.items)
any(d.qty for d in doc.items @@for e in doc.items)
any(d.qty for d in doc.items@@
doc.items[@@0].qty
@@open("/etc/passwd")
doc.count @@:= 1
doc.count @@@ 1
doc.count == @@$HOME
doc.@@get()
doc.@@pop("count")
doc.count == 1 @@then
@@if doc.count: 1
doc.count == 1@@\n
@@exec("x")
@@eval("1")
doc.territory.@@format(1)
doc.territory.@@get("x")
doc.count @@! 1
doc.count <@@> 1
""".strip("\n").split("\n")

def plain(v):
    return [plain(x) for x in v] if isinstance(v, (list, tuple)) else {k: plain(x) for k, x in v.__dict__.items()} if isinstance(v, Doc) else v

def main():
    print(json.dumps(FIELDS, ensure_ascii=False, separators=(",", ":")))
    for text in GOOD:
        names = dict(doc=Doc(FIELDS), frappe=Frappe, flt=flt, cint=cint, getdate=getdate, add_days=add_days,
                     __builtins__=dict(len=len, str=str, int=int, float=float, any=any, all=all, sum=sum))
        try:
            v = eval(text.strip(), names)
            out = dict(text=text, value=json.loads(json.dumps(plain(v), allow_nan=False)))
        except Exception as x: out = dict(text=text, raises=type(x).__name__)
        print(json.dumps(out, ensure_ascii=False, separators=(",", ":")))
    for text in BAD:
        if "@@" not in text: continue
        at = text.index("@@") + 1
        print(json.dumps(dict(text=text.replace("@@", "", 1), at=at), ensure_ascii=False, separators=(",", ":")))

main()
