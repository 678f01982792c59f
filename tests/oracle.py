#!/usr/bin/env python3
"""Random histories of two sites, in the executable model and in real site files, compared.

A produces, B consumes.  Each step of a schedule is done in the model (es_model.py) and then with
es-put, es-rm, es-mv, es-producer-log and es-apply; what the programs print and what stands in B's
file afterwards must be what the model says: events, documents, what is parked and why, the cursor,
tombstones, B's own journal.

    oracle.py --seeds 0-299 --jobs 2        one line a failing seed; status 1 if there is one
    oracle.py --seed 17 --min --keep        the shortest schedule that still fails, told as a story
"""
import argparse, copy, json, multiprocessing, os, random, re, shutil, sqlite3, subprocess, sys, tempfile, traceback
import es_model as model

ROWS = dict(toggle=5, approve=2, change=1, unsubscribe=1, resubscribe=1, bad=1, repair=1)
STEPS = dict(create=14, edit=16, rows=6, submit=3, cancel=2, delete=3, rename=3, pull=26, lost=2, repeat=2, cut=4,
             stick=2, unstick=2, backup=1, restore=1, localdoc=2)
BIN = os.environ.get("ES_BIN") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bin")

# ---------------------------------------------------------------- the model's doctypes as DocTypes
def field(name, fieldtype, options=None):
    f = dict(fieldname=name, fieldtype=fieldtype, label=name, allow_on_submit=1)
    return dict(f, options=options) if options else f

def doctypes(a):
    """a: the type of field a, which holds numbers and "BAD"."""
    def doctype(name, *fields):
        return dict(doctype="DocType", name=name, module="Test", autoname="Prompt", is_submittable=1, allow_rename=1,
                    fields=[field("a", a), field("b", "Int"), field("on", "Check"), *fields])
    return json.dumps([
        dict(doctype="DocType", name="Invoice Item", module="Test", istable=1,
             fields=[field("item", "Link", "Item"), field("qty", "Int")]),
        doctype("Item", field("alt", "Link", "Item")),
        doctype("Customer", field("fav", "Link", "Item"), field("user", "Link", "User")),
        doctype("Invoice", field("customer", "Link", "Customer"), field("ref_type", "Data"),
                field("ref", "Dynamic Link", "ref_type"), field("items", "Table", "Invoice Item")),
        doctype("Secret")])
STANDARD = ("doctype", "name", "owner", "creation", "modified", "modified_by", "remote_docname", "remote_site_name")
TYPES = "Item", "Customer", "Invoice", "Secret"

def filled(d):
    """A document without its empty fields."""
    if d.get("items"): d["items"] = [filled(r) for r in d["items"]]
    return {k: v for k, v in d.items() if v not in (None, [])}

class Differs(Exception):                           # what differs, in a word; and what was got and wanted
    def __init__(self, kind, text): super().__init__("%s: %s" % (kind, text)); self.kind = kind

def same(kind, what, got, want):
    if got == want: return
    if isinstance(got, dict) and isinstance(want, dict):
        both = {k for k in got.keys() & want.keys() if got[k] == want[k]}
        got, want = [{k: v for k, v in x.items() if k not in both} for x in (got, want)]
    raise Differs(kind, "%s\n  got    %s\n  wanted %s" % (what, got, want))

def as_ours(body):
    """Model values as ours."""
    return {k: "Guest" if v == "guest" else v for k, v in body.items()}

# ---------------------------------------------------------------- the programs, and a site file
class Bench:
    """A scratch directory: the two site files, and what was run there."""
    def __init__(self, root, keep, story):
        self.root, self.keep, self.story, self.n, self.open = root, keep, story, 0, {}
        os.makedirs(root, exist_ok=True)

    def path(self, name): return os.path.join(self.root, name)

    def run(self, *args, input=None, status=0, name="in"):
        """Runs a program; returns the lines it wrote, parsed, with their text."""
        self.n += 1
        file = "/dev/null"
        if input is not None:
            file = self.path("%03d.%s" % (self.n, name) if self.keep else name)
            with open(file, "w") as f: f.write(input)
        shown = " ".join("'%s'" % a if re.search(r"[^\w.,/=:-]", a) else a for a in args)
        self.story.append("    $ %s%s" % (shown, "" if input is None else " <" + os.path.basename(file)))
        if input is not None:
            self.story += ["        " + l for l in input.splitlines()]
        with open(file) as f:
            r = subprocess.run([os.path.join(BIN, args[0]), *args[1:]], stdin=f, capture_output=True, text=True,
                               cwd=self.root, timeout=300)
        self.story += ["    ! " + l for l in r.stderr.splitlines()]
        if r.returncode != status:
            raise Differs("status", "%s: %d, not %d: %s" % (shown, r.returncode, status, r.stderr))
        lines = []
        for text in r.stdout.splitlines():
            l = json.loads(text)
            l["text"] = text
            lines.append(l)
        return lines

    def rows(self, site, sql, *args):
        if site not in self.open:                   # kept open: the last to close it has to clear up
            self.open[site] = sqlite3.connect(self.path(site + ".db"), isolation_level=None)
        return self.open[site].execute(sql, args).fetchall()

    def close(self, *sites):
        for s in sites:
            if s in self.open: self.open.pop(s).close()

def producer(same_name, subscribed):
    rows = [dict(ref_doctype=dt, status=r["status"], unsubscribe=int(r["unsub"]), use_same_name=int(same_name),
                 conflict=r["policy"]) for dt, r in subscribed.items()]
    return json.dumps(dict(doctype="Event Producer", producer_url="A", user="Administrator", producer_doctypes=rows))

def prepare(root, same_name, subscribed):
    """An empty pair of sites; made once, copied for each history."""
    pair = os.path.join(root, "pair-%d-%s" % (same_name, "-".join(dt + r["policy"] for dt, r in subscribed.items())))
    if os.path.isdir(pair): return pair
    b = Bench(pair + ".new", False, [])
    for s in "AB":
        r = subprocess.run([BIN + "/es-init", "-q", "-s", b.path(s + ".db"), s])
        if r.returncode: sys.exit("no site file: es-init said %d" % r.returncode)
        b.run("es-doctype", "-q", "-s", s + ".db", input=doctypes("JSON" if s == "A" else "Int"), name="doctypes")
    b.run("es-put", "-q", "-s", "B.db", input=producer(same_name, subscribed) + "\n")
    for s in "AB": sqlite3.connect(b.path(s + ".db")).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.rename(pair + ".new", pair)
    return pair

# ---------------------------------------------------------------- the model, watched
class Site(model.Site):
    def deps(self, p, lines):
        return super().deps(p, lines) if self.w.with_deps else (lines, set())

    def journal(self, *a, **k):
        e = super().journal(*a, **k)
        self.w.wrote.append((self, e))
        return e

    def save(self, d, *a, **k):
        self.w.saved = self, d
        super().save(d, *a, **k)

    def set_row(self, cid, dt, **kw):
        super().set_row(cid, dt, **kw)
        self.w.granted[self.log[-1].name] = copy.deepcopy(self.cons[cid])

    def do_rename(self, p, sub, d, l):
        row, new = sub.rows.get(d.dt), l["new_name"]    # it parks before anything is noted
        if l["ren"] >= d.ren and row and row["same"] and d.name != new and (d.dt, new) in self.names:
            raise model.Park("name %s taken" % new)
        super().do_rename(p, sub, d, l)

    def try_chain(self, p, sub, ch, b, together=()):
        """Where the newest Rename finds its name taken an older one counts: it may make room."""
        ch.sort(key=lambda l: (l["creation"], not l["snapshot"]))
        d = self.local(ch[0]) if ch else None
        rens = [l for l in ch if l["type"] == "Rename"]
        if d and rens and not any(l["type"] == "Delete" for l in ch):
            for i in range(len(rens) - 1, -1, -1):
                try: self.do_rename(p, sub, d, rens[i])
                except model.Park: continue
                for l in rens[:i + 1]: ch.remove(l); sub.applied.add(l["name"])
                break
        if ch: super().try_chain(p, sub, ch, b, together)

    def answer(self, *a):
        out = super().answer(*a)
        self.w.answers.append((a, out))
        return out
model.Site = Site

class World(model.World):
    """The model's pair (all rows approved, unless with_rows), its steps done with the programs as well."""
    def __init__(self, seed, root, keep, how):
        self.with_deps, self.with_rows = "deps" in how, "rows" in how
        self.deleted = set(), set()                 # whose Delete was sent, here and there
        self.granted, self.real_log, self.told_rows = {}, [], None
        self.wrote, self.saved, self.answers, self.now, self.story = [], None, [], 0, []
        super().__init__("pair", seed, True)
        self.a, self.b = self.sites["A"], self.sites["B"]
        self.sub = self.b.subs[self.a.id]
        rows, given = self.sub.rows, self.a.cons[self.b.id]
        if "edits" in how: self.editors = "AB"
        for dt in list(given):
            if dt not in rows: del given[dt]
        for dt, r in rows.items():
            policy = random.Random(seed + ord(dt[0])).choice(("origin", "origin", "producer", "manual"))
            r.update(policy=policy if "edits" in how else "origin")
        if not self.with_rows:
            for dt, r in rows.items():
                r.update(status="Approved", unsub=False)
                given[dt].update(status="Approved", unsub=False, cond=None, start=0)
            for s in (self.a, self.b): s.log.clear(); s.evpos.clear(); s.since.clear()
        self.same_name = all(r["same"] for r in rows.values())
        self.story += ["seed %d: B is subscribed to %s, %s" % (
            seed, ", ".join("%s (%s)" % (dt, r["policy"]) for dt, r in rows.items()),
            "same names" if self.same_name else "local names")]
        self.bench = Bench(os.path.join(root, "seed-%d" % seed), keep, self.story)
        pair = prepare(root, self.same_name, rows)
        for s in "AB": shutil.copyfile(os.path.join(pair, s + ".db"), self.bench.path(s + ".db"))
        for s in "AB": os.chmod(self.bench.path(s + ".db"), 0o600)
        self.start = {s: self.bench.rows(s, "SELECT creation, name FROM journal ORDER BY creation DESC LIMIT 1")[0] for s in "AB"}
        self.ids = {s: self.bench.rows(s, "SELECT value FROM site WHERE key='id'")[0][0] for s in "AB"}
        self.events, self.births = {}, {}           # model name -> our line; model birth -> ours
        if self.with_rows:
            for x, e in self.wrote: self.write(x, e)
        self.put_producer()

    def say(self, *a): self.story.append("    " + " ".join(map(str, a)))

    def rnd(self):                                  # rows, births, events: unlike each other, whatever the seed
        self.drawn = getattr(self, "drawn", 0) + 1
        return "%06x%04x" % (self.rng.getrandbits(24), self.drawn)

    # -- one step, here and there
    def step(self, op, sub):
        self.rng.seed(sub)
        self.now += 1000
        for s in self.sites.values(): s.clock = self.now
        self.wrote, self.saved, self.answers = [], None, []
        self.story.append("%s" % op)
        getattr(self, "do_" + op)()
        if op in ("pull", "lost", "repeat", "cut", "stick"): self.check_answer()
        elif op in ("backup", "restore", "unstick", "initial"): pass
        elif op == "repair": self.repair()
        elif self.wrote:
            for s, e in self.wrote: self.write(s, e)
        elif self.saved: self.put(*self.saved, None)
        self.put_producer()
        self.ever.setdefault((self.a.id, self.b.id), set()).update(b for d in self.a.docs.values() for b in d.births)

    def do_bad(self): self.change(lambda s, d, b: b.update(a="BAD") if s is self.a else False, op="bad")

    def repair(self):
        """What B refused is allowed there from now on."""
        self.bench.run("es-doctype", "-q", "-s", "B.db", name="doctypes",
                       input=doctypes("JSON" if self.b.bad_ok else "Int"))

    def put_producer(self):
        """B's subscription, if it changed."""
        is_ = producer(self.same_name, self.sub.rows)
        if is_ != self.told_rows: self.bench.run("es-put", "-q", "-s", "B.db", input=is_ + "\n", name="put")
        self.told_rows = is_

    def put_consumer(self, rows):
        """A's side of it; the journal entry that it made, if it changed something."""
        newest = lambda: self.bench.rows("A", "SELECT creation, name FROM journal ORDER BY creation DESC LIMIT 1")[0]
        was = newest()
        rows = [dict(ref_doctype=dt, status=r["status"], unsubscribed=int(r["unsub"]),
                     condition="doc.%s == 1" % r["cond"] if r["cond"] else None) for dt, r in rows.items()]
        self.bench.run("es-put", "-q", "-s", "A.db", name="put", input=json.dumps(dict(
            doctype="Event Consumer", callback_url="B", user="Administrator", site=self.ids["B"],
            consumer_doctypes=rows)) + "\n")
        is_ = newest()
        return (self.text(is_[0]), is_[1]) if is_ != was else None

    def called(self, s, birth, name):
        """What the document is called in the real site; name is what the model calls it."""
        if s is self.a: return name
        r = self.bench.rows("B", "SELECT d.name FROM document d JOIN (SELECT id, birth FROM origin UNION"
                            " SELECT id, birth FROM also) USING(id) WHERE birth = ?", self.births[birth])
        return r[0][0] if r else "?" + name

    def name_of(self, s, d): return self.called(s, d.births[0], d.name)

    def local_name(self, s, name):
        """With local names ours differ from the model's; its own documents must not meet them."""
        return name if s is self.a or self.same_name else "L-" + name

    def put(self, s, d, e):
        body = as_ours(d.body)
        body["items"] = [dict(r) for r in body.get("items", [])]
        for c, k, t in list(model.slots(d.dt, body)):
            if t not in model.NEVER: c[k] = self.name_of(s, s.docs[s.names[t, c[k]]])
        if d.dt != "Invoice": del body["items"]
        elif not e or e.type == "Update":           # the model may have them in another order
            r = self.bench.rows(s.addr, "SELECT d.data FROM document d JOIN doctype t ON t.id = d.doctype"
                                " WHERE t.name = ? AND d.name = ?", d.dt, self.name_of(s, d))
            is_at = {r["name"]: r["idx"] for r in json.loads(r[0][0])["items"]}
            body["items"].sort(key=lambda r: is_at.get(r["name"], 99))
        body.update(doctype=d.dt, name=self.local_name(s, d.name) if e and e.type == "Create" else self.name_of(s, d))
        self.take(s, e, self.bench.run("es-put", "-s", s.addr + ".db", input=json.dumps(body) + "\n", name="put"))

    def write(self, s, e):
        db = s.addr + ".db"
        if e.type == "Row":
            self.real_log.append(self.put_consumer(self.granted[e.name]))
            return
        if e.type in ("Create", "Update"): self.put(s, s.docs[e.num], e)
        elif e.type == "Delete":
            self.take(s, e, self.bench.run("es-rm", "-s", db, e.dt, self.called(s, e.birth, e.docname)))
        else:
            self.take(s, e, self.bench.run("es-mv", "-s", db, e.dt, self.called(s, e.birth, e.docname),
                                           self.local_name(s, e.new_name)))

    def take(self, s, e, lines):
        """The event that a local write printed: one, or none, and it says what the model's says."""
        got = [l for l in lines if "update_type" in l]
        same("written", "events of a write", len(got), 1 if e else 0)
        if not e: return
        l = got[0]
        self.events[e.name] = l
        if s is self.a: self.real_log.append((l["creation"], l["name"]))
        if e.type == "Create": self.births[e.birth] = l["origin"][1]
        told, want = self.told(l), self.wanted(s, e)
        if s is self.b: told["docname"] = want["docname"]
        told["knew"] = {x: n if n == want["knew"].get(x) else self.written_by(n) for x, n in told["knew"].items()}
        same("event", "%s at %s" % (e.name, s.addr), told, want)

    # -- an event, in terms of births
    def told(self, l):
        return dict(type=l["update_type"], dt=l["ref_doctype"], docname=l["docname"], prev=l.get("prev"),
                    birth=l["origin"][1], via=l["via"], data=self.data_told(l), author=l.get("author"), knew=l.get("knew", {}),
                    links={(t, n): b[1] for t, v in l.get("links", {}).items() for n, b in v.items()})

    def data_told(self, l):
        d = copy.deepcopy(l["data"])
        if l["update_type"] == "Rename": return d["new_name"]
        if l["update_type"] == "Delete": return d
        rows = d.get("items") or [] if l["update_type"] == "Create" else \
            [r for k in ("added", "row_changed") for r in d[k].get("items", [])]
        for r in rows: r.pop("idx", None)
        if l["update_type"] == "Create":
            return filled({k: v for k, v in d.items() if k not in STANDARD})
        return d

    def wanted(self, s, e):
        i = s.evpos[e.name]
        prev = s.chain_before(None, e.num, i - 1) if e.type in ("Create", "Update") else None
        named = lambda t, n: n if s is self.a else self.name_of(s, s.docs[s.names[t, n]])
        data = e.new_name and self.local_name(s, e.new_name)
        if e.data:
            data = copy.deepcopy(e.data)
            for c, k, t in list(model.slots(e.dt, data)):
                if t not in model.NEVER: c[k] = named(t, c[k])
            if e.type == "Create": data = filled(as_ours(data))
            else: data["changed"] = as_ours(data["changed"])
        links = {(t, named(t, n)): self.births[b] for (t, n), b in e.links.items()}
        return dict(type=e.type, dt=e.dt, docname=self.local_name(s, e.docname), birth=self.births[e.birth], data=data,
                    via=[self.ids[x[0]] for x in e.via], links=links, prev=prev and self.events[prev]["name"], author=None,
                    knew={self.ids[x[0]]: self.events[v[1]]["name"] for x, v in e.knew.items() if x != s.id})

    # -- the producer's pages
    def point(self, pos):
        """A model cursor as ours: time and name of the newest entry up to there."""
        return next((x for x in reversed(self.real_log[:pos]) if x), (None, None))

    def check_answer(self):
        """es-producer-log's page from the same point holds the model's lines, in order, as they were
        written; without a consumer also what is deleted since or not subscribed to."""
        (cid, cursor, limit), (lines, ck) = self.answers[0]
        start = self.text(self.start["A"][0]), self.start["A"][1]
        since, to = [x if x[0] else start for x in (self.point(cursor), self.point(ck["pos"]))]
        entries = len([x for x in self.real_log[cursor:ck["pos"]] if x])
        args = ["-c", "B"] if self.with_rows and self.a.cons.get(cid) else []
        got = self.bench.run("es-producer-log", "-s", "A.db", "-S", ",".join(since), "-L", str(entries or 1), *args)
        if not entries: return
        page = []
        for l in got:
            if "checkpoint" in l: break
            page.append(l)
        same("page", "checkpoint", l.get("checkpoint"), {
            "event_producer": "A", "from": since[0], "last_update": to[0], "name": to[1], "events": len(page)})
        wanted = [self.events[l["name"]]["text"] for l in lines]
        texts = [l["text"] for l in page]
        if args:
            short = lambda l: " ".join((l["update_type"], l["ref_doctype"], l["docname"], l["name"][-4:]))
            alive = lambda v: [l for l in v if l["update_type"] != "Delete"]
            # A Delete is said once, where the row was granted again; by the model also at its own place.
            self.deleted[0].update(l["name"] for l in page if l["update_type"] == "Delete")
            self.deleted[1].update(self.events[l["name"]]["name"] for l in lines if l["type"] == "Delete")
            page, lines = alive(page), [l for l in lines if l["type"] != "Delete"]
            same("page", "which lines", [short(l) for l in page], [short(self.events[l["name"]]) for l in lines])
            texts, wanted = [l["text"] for l in page], [self.events[l["name"]]["text"] for l in lines]
            same("page", "lines", texts, wanted)
        else:
            log = [self.events[e.name]["text"] for e in self.a.log[cursor:ck["pos"]] if e.name in self.events]
            same("page", "lines", texts, log)
            same("page", "the model's lines among them", [x for x in texts if x in wanted], wanted)
        alive = {self.births[b] for d in self.a.docs.values() for b in d.births}
        for l in page:
            if l["text"] not in wanted and l["origin"][1] in alive and l["ref_doctype"] in self.sub.rows:
                raise Differs("page", "the model does not send %s" % l["text"])
        for l in lines:
            prev = l["prev"] and self.events[l["prev"]]["name"]
            same("page", "prev", self.events[l["name"]].get("prev"), prev)

    @staticmethod
    def text(us):
        r = sqlite3.connect(":memory:").execute("SELECT strftime('%Y-%m-%d %H:%M:%S', ?/1000000, 'unixepoch')", (us,))
        return "%s.%06d" % (r.fetchone()[0], us % 1000000)

    # -- the consumer
    def use(self, c, p, lines, ck, linked, full):
        if not lines and not self.bench.rows("B", "SELECT 1 FROM producer"):
            return                                  # a page without events does not tell B who A is
        before = {(l["name"], l["snapshot"]) for ch in self.sub.parked.values() for l in ch["lines"]}
        cursor = self.sub.cursor
        refused = [x for x in self.sub.parked if x in self.b.tomb and not any(
            l["type"] == "Delete" for l in lines if l["births"][0] == x)]
        if self.with_deps: linked = self.links_of(lines)        # a line that was cut vouches for nothing
        super().use(c, p, lines, ck, linked, full)
        self.sub = c.subs[p.id]
        cut = ck and len([l for l in lines if not l["dep"]]) != ck["events"]
        new = {(l["name"], l["snapshot"]) for ch in self.sub.parked.values() for l in ch["lines"]} - before
        late = ck and ck["start"] > cursor
        page = [self.line_text(l) for l in lines]
        if ck:
            since, to = self.point(ck["start"])[0], self.point(ck["pos"])
            page += [json.dumps(dict(checkpoint={"event_producer": "A", "from": since, "last_update": to[0],
                                                 "name": to[1], "events": ck["events"]}))]
        page += [json.dumps(dict(end=dict(program="oracle", status=0)))]
        self.bench.run("es-apply", "-s", "B.db", input="\n".join(page) + "\n", name="page",
                       status=111 if cut else 1 if new or late or refused else 0)
        self.compare_sites()

    def links_of(self, lines):
        parked = [l for ch in self.sub.parked.values() for l in ch["lines"]]
        return {self.b.link_birth(self.a, l, t, c[k]) for l in lines + parked if l["data"] and l["type"] != "Rename"
                for c, k, t in model.slots(l["dt"], l["data"])}

    def line_text(self, l):
        if not l["snapshot"]: return self.events[l["name"]]["text"]
        got = self.bench.run("es-producer-log", "-s", "A.db", "-i", l["dt"], l["docname"])[0]
        same("snapshot", "its name", got["name"], self.events[l["name"]]["name"])
        same("snapshot", "its prev", got["prev"], l["prev"] and self.events[l["prev"]]["name"])
        if not l["dep"]: return got["text"]
        del got["text"]
        return json.dumps(dict(got, dependency_of="a later line"))

    def do_restore(self):
        super().do_restore()
        self.sub, self.told_rows = self.b.subs[self.a.id], None
        if "B" in self.backups:
            self.bench.close("B")
            for f in ("B.db-wal", "B.db-shm"):
                if os.path.exists(self.bench.path(f)): os.unlink(self.bench.path(f))
            shutil.copyfile(self.bench.path("backup.db"), self.bench.path("B.db"))
            self.story.append("    $ cp backup.db B.db")
            self.compare_sites()

    def do_backup(self):
        super().do_backup()
        copy_ = sqlite3.connect(self.bench.path("backup.db"))
        db = sqlite3.connect(self.bench.path("B.db"))
        db.backup(copy_)
        db.close(); copy_.close()
        self.story.append("    $ sqlite3 B.db '.backup backup.db'")

    # -- comparing B's file with the model's B
    def compare_sites(self):
        b, sub = self.b, self.sub
        docs = self.bench.rows("B", "SELECT d.id, t.name, d.name, d.docstatus, d.home, d.dependency, d.remote, d.data, o.birth"
                               " FROM document d JOIN doctype t ON t.id = d.doctype JOIN origin o ON o.id = d.id"
                               " WHERE t.name IN (%s)" % ",".join("'%s'" % t for t in TYPES))
        byname = {(r[1], r[2]): r[8] for r in docs}
        also = {}
        for birth, n in self.bench.rows("B", "SELECT birth, id FROM also"): also.setdefault(n, set()).add(birth)
        got = {}
        for n, dt, name, docstatus, home, dep, remote, data, birth in docs:
            x = json.loads(data)
            same("document", "%s %s: columns" % (dt, name), (x["doctype"], x["name"], x["docstatus"]), (dt, name, docstatus))
            got[birth] = dict(self.body(dt, x, lambda t, v: byname.get((t, v), "?" + v)), dt=dt, home=home != 0, dep=dep != 0,
                              remote=remote or name if home else None, births={birth} | also.get(n, set()))
            if self.same_name: got[birth]["name"] = name
        want, self.same_links = {}, self.same_name
        for d in b.docs.values():
            x = self.births[d.births[0]]
            want[x] = dict(self.body(d.dt, as_ours(d.body), lambda t, v: self.births[b.docs[b.names[t, v]].births[0]]),
                           dt=d.dt, home=d.home is not None, dep=d.dep, remote=d.remote if d.home else None,
                           births={self.births[y] for y in d.births})
            if self.same_name:                      # a dependency whose name is taken gets one that is ours
                other = d.dep and d.name != d.remote
                want[x]["name"] = got[x]["name"] if other and x in got else d.name
                self.same_links = self.same_links and want[x]["name"] == d.name
        same("documents", "at B, by birth", sorted(got), sorted(want))
        for x in want:
            if self.editors or self.with_deps:      # what a conflict or a snapshot adds the model orders by name
                for y in (got[x], want[x]):
                    if "items" in y: y["items"].sort(key=lambda r: r["name"])
            same("document", "%s %s" % (want[x]["dt"], x), got[x], want[x])
        self.compare_parked()
        self.compare_seen()
        self.compare_journal()
        r = self.bench.rows("B", "SELECT cursor, cursor_name FROM producer")
        at = (self.text(r[0][0]), r[0][1]) if r and r[0][0] else (None, None)
        same("cursor", "of B", at, self.point(sub.cursor))
        gone = {x[0] for x in self.bench.rows("B", "SELECT birth FROM origin WHERE gone IS NOT NULL")}
        ours = {e.birth for e in b.log} | {e.birth for e in self.a.log if e.dt in sub.rows}
        same("tombstones", "at B", sorted(gone), sorted(self.births[x] for x in b.tomb if x in ours))

    def body(self, dt, x, birth_of):
        d = {k: x.get(k) for k in model.blank(dt)}
        for k in ("docstatus", "b", "on"): d[k] = d[k] or 0
        if "items" in d: d["items"] = [dict(name=r["name"], item=r.get("item") or None, qty=r["qty"]) for r in d["items"] or []]
        for c, k, t in list(model.slots(dt, d)):
            if t not in model.NEVER: c[k] = birth_of(t, c[k])
        return d

    def compare_parked(self):
        kind = dict(gap="gap", update="gap", waits="waits", linked="linked", name="name", another="name",
                    conflict="conflict", invalid="type")
        got = {}
        for key, event, code, want in self.bench.rows("B", "SELECT document, event, code, want FROM parked ORDER BY id"):
            x = got.setdefault(key.split("/")[1], dict(events=set(), why=set(), want=set()))
            x["events"].add(event); x["why"].add(code); x["want"] |= set((want or "").split())
        want = {}
        for x, ch in self.sub.parked.items():
            want[self.births[x]] = dict(events={self.events[l["name"]]["name"] for l in ch["lines"]},
                                        why={kind[ch["why"].split(" ")[0]]}, want={self.births[y] for y in ch["want"]})
        gone = {self.births[x] for x in self.b.tomb}
        for x in want:                              # of what has come or gone meanwhile it is not noted
            want[x]["want"] -= gone
            if x in got: got[x]["want"] &= want[x]["want"]
        same("parked", "at B", got, want)

    def compare_seen(self):
        """The newest event of A in each document, and where the chain of events stands."""
        got = {birth: dict(event=event, last=event if last is None else last) for birth, event, last in self.bench.rows(
            "B", "SELECT o.birth, s.event, s.last FROM seen s JOIN origin o ON o.id = s.doc")}
        want = {}
        for d in self.b.docs.values():
            if self.a.id not in d.seen: continue
            chain = next((self.sub.chain[x] for x in d.births if x in self.sub.chain), None)
            want[self.births[d.births[0]]] = dict(event=self.events[d.seen[self.a.id][1]]["name"],
                                                  last=self.events[chain]["name"] if chain else "")
        for x in want:                              # a snapshot is named after the newest event, be it a Rename
            if x in got and got[x]["event"] != want[x]["event"]: got[x]["event"] = self.written_by(got[x]["event"])
        same("seen", "at B", got, want)

    def written_by(self, name):
        """The newest Create or Update of that document up to an event of A."""
        i = next(i for i, e in enumerate(self.a.log) if e.name in self.events and self.events[e.name]["name"] == name)
        if self.a.log[i].type != "Rename": return name
        return self.events[self.a.chain_before(None, self.a.log[i].num, i + 1)]["name"]

    def compare_journal(self):
        """What B wrote: the same entries for each document, with the same marks, after each of which it
        was the same."""
        births = dict(self.bench.rows("B", "SELECT birth, id FROM origin UNION SELECT birth, id FROM also"))
        got, want, body, wbody, names, events = {}, {}, {}, {}, {}, {}
        for n, kind, name, marks, data in self.bench.rows(
                "B", "SELECT j.doc, j.type, j.name, j.marks, j.data FROM journal j JOIN doctype t ON t.id = j.doctype"
                " WHERE j.creation > ? AND t.name IN %s ORDER BY j.creation" % (TYPES,), self.start["B"][0]):
            m, kind = json.loads(marks or "{}"), ("Create", "Update", "Delete", "Rename")[kind]
            told = self.data_told(dict(update_type=kind, data=json.loads(data) if data else None))
            names.setdefault(n, []).append(name)
            via = {x: self.written_by(y) for x, y in m.get("via", {}).items()} if kind != "Rename" else m.get("via", {})
            of = got.setdefault(n, [])
            x = kind, m.get("author") if kind in ("Create", "Update") else None, via, self.after(kind, body, n, told)
            if kind == "Update" and via and of and of[-1][0] == "Create" and of[-1][2] == via:
                of[-1] = ("Create", *x[1:])         # its links to what came with it are a second entry
                names[n].pop()
            else: of.append(x)
        for e in self.b.log:
            n = births[self.births[e.birth]]
            of = want.setdefault(n, [])
            data = copy.deepcopy(e.data) or e.new_name and self.local_name(self.b, e.new_name)
            via = {self.ids[x[0]]: v[1] and self.events[v[1]]["name"] for x, v in e.via.items() if x != self.b.id}
            via = {x: n and self.written_by(n) for x, n in via.items()} if e.type != "Rename" else via
            author = None if e.author == self.b.id else self.ids[e.author[0]]
            after = self.after(e.type, wbody, n, data)
            if e.type == "Update" and via and of and of[-1][0] == "Create" and of[-1][2] == via:
                of[-1] = ("Create", author, via, after)
            else: of.append((e.type, author, via, after))
            events[e.name] = dict(name=names[n][len(of) - 1] if len(of) <= len(names.get(n, ())) else None)
        for x, v in ((x, v) for n in want for x, v in zip(got.get(n, ()), want[n])):
            if "" in v[2].values(): x[2].update(v[2])   # a name that a snapshot brings: the model does not say
        same("journal", "of B, by number", got, want)
        for k, v in events.items(): self.events.setdefault(k, v)

    def after(self, kind, bodies, n, data):
        """The document after an entry; with local names, without its links."""
        if kind == "Rename": return data
        if kind == "Delete": return None
        if kind == "Create": bodies[n] = dict(data, items=data.get("items", []))
        else: model.patch(bodies[n], data)
        d = filled(as_ours(copy.deepcopy(bodies[n])))
        d["items"] = sorted(d.get("items", []), key=lambda r: r["name"])
        if self.same_links: return d
        for r in [d] + d["items"]:
            for k in ("alt", "fav", "customer", "ref", "item"): r.pop(k, None)
        return d

    def finish(self):
        self.story.append("until quiet")
        self.rng.seed(7)
        self.wrote = []
        for dt, r in sorted(self.sub.rows.items()):
            r["policy"] = "origin"
            if not r["unsub"] and r["status"] == "Pending": self.approve(self.b, self.a, dt)
        for x, e in self.wrote: self.write(x, e)
        self.put_producer()
        self.b.bad_ok = True
        self.repair()
        for n in range(40):
            self.now += 1000
            for s in self.sites.values(): s.clock = self.now
            self.answers = []
            more = self.do_pull(link=self.links[0], limit=1000)
            self.check_answer()
            if not more: break
        else: raise model.Fail("no quiet after 40 rounds")
        same("page", "Deletes in all", sorted(self.deleted[0]), sorted(self.deleted[1]))
        if self.with_deps or not self.with_rows and all(dt in self.sub.rows for dt in model.DTS):
            self.compare(self.b, self.a)            # else things wait for what never comes
        if self.with_deps: return                   # snapshots go by the name of the newest event
        twice = self.bench.rows("B", "SELECT event, count(*) FROM synclog GROUP BY event HAVING count(*) > 1")
        same("synclog", "events logged more than once", twice, [])

# ---------------------------------------------------------------- running them
def schedule(seed, n, how):
    was = model.STEPS
    model.STEPS = dict(STEPS, **ROWS if "rows" in how else {}, initial=2 if "deps" in how else 0)
    try: return model.schedule(seed, n)
    finally: model.STEPS = was

def run(seed, steps, root, how, keep=False):
    """None, or (kind, message, story)."""
    w, bad = None, None
    try:
        w = World(seed, root, keep, how)
        for op, x in steps: w.step(op, x)
        w.finish()
    except Differs as x: bad = x.kind, str(x)
    except model.Fail as x: bad = "model", "the model itself: %s" % x
    except Exception as x: bad = "harness", "%r\n%s" % (x, traceback.format_exc())
    if w: w.bench.close("A", "B")
    if w and not keep: shutil.rmtree(w.bench.root, ignore_errors=True)
    return bad and (*bad, w.story if w else [])

def shortest(seed, steps, root, how):
    """The schedule with as many steps left out as can be, failing in the same way."""
    want, n = run(seed, steps, root, how)[0], 1
    while n < len(steps): n *= 2
    while n:
        i = 0
        while i < len(steps):
            t = steps[:i] + steps[i + n:]
            bad = run(seed, t, root, how)
            if bad and bad[0] == want: steps = t
            else: i += n
        n //= 2
    return steps

def one(job):
    seed, a, root = job
    root = os.path.join(root, str(os.getpid()))
    steps = schedule(seed, a.steps, a.how)
    bad = run(seed, steps, root, a.how)
    if bad and a.min: steps = shortest(seed, steps, root, a.how)
    if bad and (a.min or a.keep): bad = run(seed, steps, root, a.how, a.keep)
    return seed, bad

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seed", type=int)
    ap.add_argument("--seeds", default="0-299", help="from-to")
    ap.add_argument("--steps", type=int, default=60)
    ap.add_argument("--jobs", type=int, default=1)
    ap.add_argument("--how", default="", help="edits: B edits what it received; deps: dependencies, initial loads;"
                    " rows: conditions, approval, what B refuses; several with commas")
    ap.add_argument("--min", action="store_true", help="tell the shortest schedule that still fails")
    ap.add_argument("--keep", action="store_true", help="leave the scratch directory of a failed history")
    ap.add_argument("--all", action="store_true", help="go on after a failure, a line each")
    a = ap.parse_args()
    first, last = map(int, a.seeds.split("-")) if a.seed is None else (a.seed, a.seed)
    if not os.access(os.path.join(BIN, "es-apply"), os.X_OK): sys.exit("no programs in %s; make all" % BIN)
    root = tempfile.mkdtemp(prefix="oracle.")
    os.umask(0o077)
    bad, n = 0, 0
    try:
        with multiprocessing.Pool(a.jobs) as pool:
            for seed, r in pool.imap_unordered(one, [(s, a, root) for s in range(first, last + 1)]):
                n += 1
                if not r: continue
                bad += 1
                if a.all: print("seed %d: %s" % (seed, " ".join(r[1].split())[:200])); sys.stdout.flush(); continue
                print("\n".join(r[2]))
                print("seed %d: %s" % (seed, r[1]))
                if a.keep: print("kept in %s" % root)
                break
    finally:
        if not (a.keep and bad): shutil.rmtree(root, ignore_errors=True)
    print("%d histories, %d failed" % (n, bad))
    return 1 if bad else 0

if __name__ == "__main__": sys.exit(main())
