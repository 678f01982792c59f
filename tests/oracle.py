#!/usr/bin/env python3
"""Random histories of two sites, in the executable model and in real site files, compared.

A produces, B consumes.  Each step of a schedule is done in the model (es_model.py) and then with
es-put, es-rm, es-mv, es-producer-log and es-apply; what the programs print and what stands in B's
file afterwards must be what the model says: events, documents, what is parked and why, the cursor,
tombstones, B's own journal.

    oracle.py --seeds 0-299 --jobs 2        one line a failing seed; status 1 if there is one
    oracle.py --seed 17 --min --keep        the shortest schedule that still fails, told as a story
"""
import argparse, calendar, copy, http.client, json, multiprocessing, os, random, re, shutil, signal, sqlite3, struct, subprocess
import sys, tempfile, time, traceback, urllib.parse
import es_model as model

# Steps that not every way of running has.
ROWS = "toggle approve change unsubscribe resubscribe bad repair".split()
WHOLE = "clock prune prestore".split()
HOUR = 3600 * 10**6
CLOCK = None                                        # tests/clock.c, compiled
HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get("ES_BIN") or os.path.join(HERE, "..", "bin")

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
        self.root, self.keep, self.story = root, keep, story
        self.n, self.open, self.behind, self.server = 0, {}, {}, None
        os.makedirs(root, exist_ok=True)

    def path(self, name): return os.path.join(self.root, name)

    def run(self, *args, input=None, status=0, name="in", until=None):
        """Runs a program; returns the lines it wrote, parsed, with their text; of one that is left before its end,
        up to the first with this key."""
        self.n += 1
        file = "/dev/null"
        if input is not None:
            file = self.path("%03d.%s" % (self.n, name) if self.keep else name)
            with open(file, "w") as f: f.write(input)
        shown = " ".join("'%s'" % a if re.search(r"[^\w.,/=:-]", a) else a for a in args)
        self.story.append("    $ %s%s" % (shown, "" if input is None else " <" + os.path.basename(file)))
        if input is not None:
            self.story += ["        " + l for l in input.splitlines()]
        lines = []
        with open(file) as f, open(self.path("err"), "w+") as err:
            p = subprocess.Popen([os.path.join(BIN, args[0]), *args[1:]], stdin=f, stdout=subprocess.PIPE, stderr=err, text=True,
                                 cwd=self.root, env=self.environment(args))
            for text in p.stdout:
                lines.append(dict(json.loads(text), text=text.rstrip("\n")))
                if until in lines[-1]: break
            else: until = None
            p.stdout.close()
            p.wait()
            err.seek(0)
            said = err.read()
        self.story += ["    ! " + l for l in said.splitlines()]
        good = status if isinstance(status, tuple) else (status,)
        if p.returncode not in (*good, -signal.SIGPIPE if until else good[0]):
            raise Differs("status", "%s: %d, not %s: %s" % (shown, p.returncode, status, said))
        return lines

    def environment(self, args):
        """With the clock of the site."""
        site = args[args.index("-s") + 1][0] if "-s" in args else None
        if site not in self.behind: return None
        return dict(os.environ, LD_PRELOAD=CLOCK, ES_CLOCK=self.path("clock." + site), ASAN_OPTIONS="verify_asan_link_order=0")

    def set_clock(self, site, behind):
        """A process that runs sees it too."""
        self.behind[site] = behind
        fd = os.open(self.path("clock." + site), os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(fd, struct.pack("q", -behind), 0)
        os.close(fd)

    def serve(self, site, address="127.0.0.1:0"):
        args = "es-serve", "-q", "-L", "rate=100000", "-s", site + ".db", address
        self.server = subprocess.Popen([os.path.join(BIN, args[0]), *args[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       text=True, cwd=self.root, env=self.environment(args))
        line = self.server.stdout.readline()
        if not line: raise Differs("serve", "es-serve does not listen at %s" % address)
        self.story.append("    $ %s &" % " ".join(args))
        return json.loads(line)["url"]

    def halt(self):
        if not self.server: return
        server, self.server = self.server, None
        server.terminate()
        self.story.append("    $ kill $!")
        if server.wait(60): raise Differs("serve", "es-serve ended with %d" % server.returncode)

    def rows(self, site, sql, *args):
        if site not in self.open:                   # kept open: the last to close it has to clear up
            self.open[site] = sqlite3.connect(self.path(site + ".db"), isolation_level=None)
        return self.open[site].execute(sql, args).fetchall()

    def backup(self, site):
        to = sqlite3.connect(self.path(site + ".backup"))
        db = sqlite3.connect(self.path(site + ".db"))
        db.backup(to)
        db.close(); to.close()
        self.story.append("    $ sqlite3 %s.db '.backup %s.backup'" % (site, site))

    def restore(self, site):
        self.close(site)
        for f in (site + ".db-wal", site + ".db-shm"):
            if os.path.exists(self.path(f)): os.unlink(self.path(f))
        shutil.copyfile(self.path(site + ".backup"), self.path(site + ".db"))
        self.story.append("    $ cp %s.backup %s.db" % (site, site))

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
    """The model's site, watched; and what the programs knowingly do in another way, as they do it."""
    def __init__(self, *a):
        super().__init__(*a)
        self.shown = {}                             # consumer -> documents that were ever in view
        self.acts = {}                              # consumer, doctype -> where its row came to hold, or ceased to

    def deps(self, p, lines):
        return super().deps(p, lines) if self.w.with_deps else (lines, set())

    def journal(self, *a, **k):
        e = super().journal(*a, **k)
        e.real = None                               # (creation, name) of ours
        self.w.wrote.append((self, e))
        return e

    def save(self, d, *a, **k):
        self.w.saved = self, d
        super().save(d, *a, **k)

    # -- the consumer
    def allowed(self, sub, l):
        """By the statuses as the last grant says them, be it an old one; and of a row that is unsubscribed what a producer
        sends that is not known to know it: it sends it only once."""
        if not hasattr(sub, "status"): return super().allowed(sub, l)
        r = sub.rows.get(l["dt"])
        return bool(r and sub.status[l["dt"]] == "Approved" and (not r["unsub"] or sub.told.get(l["dt"]) is False))

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

    # -- the producer
    def came_into_view(self, d, was=()):
        super().came_into_view(d, was)
        for c in self.cons:
            if self.visible(c, d): self.shown.setdefault(c, set()).add(d.num)

    def offered(self, cid, num):
        """Reachable over links from what was ever in view.  The model asks its `since` for that; but of an initial
        load our producer keeps no account, and what is in view may have been sent by one."""
        todo, seen = list(self.shown.get(cid, ())), set()
        while todo:
            n = todo.pop()
            if n in seen: continue
            seen.add(n)
            todo += self.edges.get(n, ())
        return num in seen

    def active(self, cid, dt, pos):
        return next((on for at, on in reversed(self.acts.get((cid, dt), ())) if at < pos), False)

    def set_row(self, cid, dt, **kw):
        """As in the model, but that a Rename alone, while the row waits, does not bring its document."""
        since, was = dict(self.since), self.active(cid, dt, len(self.log) + 1)
        super().set_row(cid, dt, **kw)
        r, pos = self.cons[cid][dt], len(self.log)
        is_ = r["status"] == "Approved" and not r["unsub"]
        acts = self.acts.setdefault((cid, dt), [])
        if is_ and not was:
            last = {e.num: i for i, e in enumerate(self.log) if e.type in ("Create", "Update")}
            for n, d in self.docs.items():
                if d.dt == dt and self.visible(cid, d):
                    if (cid, n) in since or last[n] >= r["start"]: since[cid, n] = pos
                    self.shown.setdefault(cid, set()).add(n)
            since.update(self.deleted(cid, dt, pos))
        if is_ != was: acts.append((pos, is_))
        self.since = since
        self.w.granted[self.log[-1].name] = copy.deepcopy(self.cons[cid])

    def start_of(self, pos, name):
        """A point of the time that a restore lost lies before what was logged after it; the model's is the entry
        that ended the restore, where all that is in view stands anyway."""
        self.w.asked = name
        if name is None or name in self.evpos: return super().start_of(pos, name)
        lost = self.w.points[name][0]
        return next((i for i, e in enumerate(self.log) if e.real and (e.real[0] > lost or e.real[0] >= self.opened)), len(self.log)) \
            if self.reset else None

    def prune(self, pos):
        kept = self.w.shared(self)
        was = {e.name for e in self.log if e.pruned}
        super().prune(pos)
        for e in self.log: e.pruned = e.pruned and (e.name in was or e.birth not in kept)

    def deleted(self, cid, dt, pos):
        """What was deleted since the row was made, to be said at this place."""
        return {(cid, e.num): pos for e in self.log[self.cons[cid][dt]["start"]:] if e.type == "Delete" and e.dt == dt}

    def in_view_again(self, cid, pos):
        """After a restore all comes into view at one place of the log; with what was deleted."""
        for k in self.since:
            if self.since[k] == self.restored_at: self.since[k] = pos
        for dt in self.cons[cid]: self.since.update(self.deleted(cid, dt, pos))
        self.restored_at = pos

    def answer(self, cid, cursor, limit):
        """In a pull, what the program answers, from where and to where it does; it must be the same."""
        page = self.w.page(limit) if self.w.asking else None
        to = self.reached(page) if page else min(cursor + limit, len(self.log))
        lines = list(self.lines(cid, cursor, to))
        ck = dict(start=cursor, pos=to, name=self.log[to - 1].name if to else None, events=len(lines), page=page)
        if page: self.w.check_page(page, lines, cursor, to)
        return lines, ck

    def history(self, cid, n, pos):
        """Of what is all the consumer's own there is nothing to say, pruned or not; but over a restore: what it has
        is from the time that was lost, and its chain begins anew, also where a row holds again only after that."""
        mine = [i for i, e in enumerate(self.log[:pos], 1) if e.num == n]
        news = any(cid not in self.log[i - 1].via for i in mine)
        return super().history(cid, n, pos) if news or mine and mine[0] <= self.restored_at <= pos else []

    def lines(self, cid, cursor, to):
        """As in the model, but that a Delete is said once, where it was made, or where the row holds again; and a
        snapshot once for all that was pruned of its document."""
        at, rows, whole = {}, self.cons.get(cid, {}), set()
        for (c, n), s in self.since.items():
            if c == cid and s > cursor: at.setdefault(s, []).append(n)
        for pos in range(cursor + 1, to + 1):
            now = at.get(pos, ())
            for dt in model.DTS if now else ():           # a restore brings all rows into view at one place
                for n in sorted(n for n in now if n in self.docs and self.docs[n].dt == dt):
                    lines = self.history(cid, n, pos)
                    if any(l["snapshot"] for l in lines): whole.add(n)
                    yield from lines
                for i, e in enumerate(self.log[:pos]):
                    if e.type == "Delete" and e.dt == dt and e.num in now and cid not in e.via and self.holds(cid, dt) and \
                            self.offered(cid, e.num): yield self.line(cid, i + 1)
            e = self.log[pos - 1]
            d, s = self.docs.get(e.num), self.since.get((cid, e.num))
            if e.type == "Row" or cid in e.via or e.dt in rows and not self.holds(cid, e.dt): continue
            if e.type in ("Delete", "Rename"):
                if self.offered(cid, e.num) and (e.type == "Rename" or e.dt not in rows or self.active(cid, e.dt, pos)):
                    yield self.line(cid, pos)
            elif d and s and pos > s and self.visible(cid, d):
                if not e.pruned: yield self.line(cid, pos)
                elif e.num not in whole: yield self.snapshot(cid, d); whole.add(e.num)

    def holds(self, cid, dt):
        r = self.cons.get(cid, {}).get(dt)
        return bool(r and r["status"] == "Approved" and not r["unsub"])

    def reached(self, page):
        to = page.checkpoint["last_update"] or ""
        return next((i for i, e in enumerate(self.log) if e.real and e.real[0] > to), len(self.log))

    def fetch(self, cid, birth):
        l = super().fetch(cid, birth)
        return l and self.w.fetched(l)
model.Site = Site

class Page:
    """What a pull printed."""
    def __init__(self, since, lines):
        self.since, self.lines = since, []          # from where it was asked
        self.grant = lines.pop(0) if lines and "grant" in lines[0] else None
        for l in lines:
            self.checkpoint = l.get("checkpoint")
            if self.checkpoint: self.text = l["text"]; break
            self.lines.append(l)
    def __deepcopy__(self, memo): return self

class World(model.World):
    """The model's pair (all rows approved, unless with_rows), its steps done with the programs as well."""
    def __init__(self, seed, root, keep, how):
        self.whole = "whole" in how
        self.with_deps, self.with_rows = self.whole or "deps" in how, self.whole or "rows" in how
        self.granted, self.told_rows, self.asking = {}, None, None
        self.wrote, self.saved, self.now, self.story = [], None, 0, []
        super().__init__("pair", seed, True)
        self.a, self.b = self.sites["A"], self.sites["B"]
        self.sub = self.b.subs[self.a.id]
        self.sub.stands = None                      # B's cursor, as it is in its file
        self.sub.status, self.sub.told = {}, {}     # of its rows there; what A says it knows as unsubscribed, and what not
        rows, given = self.sub.rows, self.a.cons[self.b.id]
        if "edits" in how: self.editors = "AB"
        for dt in list(given):
            if dt not in rows: del given[dt]
        for dt, r in rows.items():
            policy = random.Random(seed + ord(dt[0])).choice(("origin", "origin", "producer", "manual"))
            if not self.whole: r.update(policy=policy if self.editors else "origin")
        if not self.with_rows:
            for dt, r in rows.items():
                r.update(status="Approved", unsub=False)
                given[dt].update(status="Approved", unsub=False, cond=None, start=0)
                self.a.acts[self.b.id, dt] = [(0, True)]
            for s in (self.a, self.b): s.log.clear(); s.evpos.clear(); s.since.clear()
        self.same_name = all(r["same"] for r in rows.values())
        self.story += ["seed %d: B is subscribed to %s, %s" % (
            seed, ", ".join("%s (%s)" % (dt, r["policy"]) for dt, r in rows.items()),
            "same names" if self.same_name else "local names")]
        self.bench = Bench(os.path.join(root, "seed-%d" % seed), keep, self.story)
        pair = prepare(root, self.same_name, rows)
        for s in "AB": shutil.copyfile(os.path.join(pair, s + ".db"), self.bench.path(s + ".db"))
        for s in "AB": os.chmod(self.bench.path(s + ".db"), 0o600)
        self.start = {s: self.bench.rows(s, "SELECT max(creation), count(*) FROM journal")[0] for s in "AB"}
        self.ids = {s: self.bench.rows(s, "SELECT value FROM site WHERE key='id'")[0][0] for s in "AB"}
        self.url = self.line = None                 # of A, if it is served
        self.events, self.births = {}, {}           # model name -> our line; model birth -> ours
        self.bodies = {}                            # our name of a Rename -> of the Create or Update before
        self.ends, self.states = [], {}             # of B's journal: where steps ended, documents after entries
        self.points = {}                            # model name -> (creation, name) of ours
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
        for s in self.sites.values(): s.clock += 1000
        self.wrote, self.saved = [], None
        self.story.append("%s" % op)
        getattr(self, "do_" + op)()
        if op in ("pull", "lost", "repeat", "cut", "stick", "unstick", "initial", "backup", "restore"): pass
        elif op == "repair": self.repair()
        elif self.wrote:
            for s, e in self.wrote: self.write(s, e)
        elif self.saved: self.put(*self.saved, None)
        self.put_producer()
        newest = self.bench.rows("B", "SELECT max(creation) FROM journal")[0][0]
        if newest > self.start["B"][0]: self.ends.append((len(self.b.log), self.text(newest)))
        self.ever.setdefault((self.a.id, self.b.id), set()).update(b for d in self.a.docs.values() for b in d.births)

    def shared(self, s):
        """What several sites wrote; our prune leaves that alone."""
        ours = {x for x, in self.bench.rows(s.addr, "SELECT birth FROM origin JOIN document USING(id) WHERE author = -1")}
        return {b for b in s.births if self.births[b] in ours}

    def do_prune(self):
        """At B at the end of a step, as the order within a page is ours."""
        s = self.rng.choice((self.a, self.b))
        if s is self.a:
            pos = self.rng.randint(0, len(s.log))
            at = next((e.real[0] for e in reversed(s.log[:pos]) if e.real), None)
        else: pos, at = self.rng.choice(self.ends) if self.ends else (0, None)
        if not at: return
        if s is self.b: self.compare_sites()
        s.prune(pos)
        self.bench.run("es-prune", "-q", "-s", s.addr + ".db", "-U", self.text(self.micros(at) + 1))

    @staticmethod
    def micros(text):
        return calendar.timegm(time.strptime(text[:19], "%Y-%m-%d %H:%M:%S")) * 10**6 + int(text[20:])

    @staticmethod
    def text(us):
        return "%s.%06d" % (time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(us // 10**6)), us % 10**6)

    def do_clock(self):
        s = self.rng.choice("AB")
        self.sites[s].clock -= 5000
        self.bench.set_clock(s, self.bench.behind.get(s, 0) + HOUR)
        self.say("the clock of %s is set back" % s)

    def do_bad(self): self.change(lambda s, d, b: b.update(a="BAD") if s is self.a else False, op="bad")

    def repair(self):
        """What B refused is allowed there from now on."""
        self.bench.run("es-doctype", "-q", "-s", "B.db", name="doctypes",
                       input=doctypes("JSON" if self.b.bad_ok else "Int"))

    def put_producer(self):
        """B's subscription, if it changed."""
        is_ = producer(self.same_name, self.sub.rows)
        if is_ != self.told_rows:
            self.bench.run("es-put", "-q", "-s", "B.db", input=is_ + "\n", name="put")
            self.sub.status = {dt: r["status"] for dt, r in self.sub.rows.items()}
        self.told_rows = is_

    def take_grant(self, grant):
        """Before what comes with it."""
        rows = {r["ref_doctype"]: r for r in grant["grant"]["doctypes"]}
        self.sub.status = {dt: rows[dt]["status"] for dt in self.sub.rows}
        self.sub.told = {dt: bool(r["unsubscribed"]) for dt, r in rows.items()}

    def put_consumer(self, rows):
        """A's side of it; the journal entry that it made, if it changed something."""
        was = self.newest("A")
        rows = [dict(ref_doctype=dt, status=r["status"], unsubscribed=int(r["unsub"]),
                     condition="doc.%s == 1" % r["cond"] if r["cond"] else None) for dt, r in rows.items()]
        self.bench.run("es-put", "-q", "-s", "A.db", name="put", input=json.dumps(dict(
            doctype="Event Consumer", callback_url="B", user="Administrator", site=self.ids["B"],
            consumer_doctypes=rows)) + "\n")
        is_ = self.newest("A")
        return is_ if is_ != was else None

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
            self.note(e, self.put_consumer(self.granted[e.name]))
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
        if s is self.a:
            self.note(e, (l["creation"], l["name"]))
            if e.type == "Rename": self.bodies[l["name"]] = self.events[s.chain_before(None, e.num, s.evpos[e.name])]["name"]
        if e.type == "Create": self.births[e.birth] = l["origin"][1]
        told, want = self.told(l), self.wanted(s, e)
        if s is self.b: told["docname"] = want["docname"]
        for x, v in e.knew.items():                 # what it was given back by, the model does not name
            if v[1] == model.BACK: told["knew"].pop(self.ids[x[0]], None)
        told["knew"] = {x: n if n == want["knew"].get(x) else self.written_by(n) for x, n in told["knew"].items()}
        same("event", "%s at %s" % (e.name, s.addr), told, want)

    # -- an event, in terms of births
    def told(self, l):
        return dict(type=l["update_type"], dt=l["ref_doctype"], docname=l["docname"], prev=l.get("prev"),
                    birth=l["origin"][1], via=l["via"], data=self.data_told(l), author=l.get("author"), knew=dict(l.get("knew", {})),
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
                    knew={self.ids[x[0]]: self.events[v[1]]["name"] for x, v in e.knew.items() if x != s.id and v[1] != model.BACK})

    # -- the producer's pages
    def note(self, e, real):
        e.real, self.points[e.name] = real, real or self.newest_point()

    def newest_point(self):
        return next((e.real for e in reversed(self.a.log) if e.real), None)

    def do_pull(self, how="pull", link=None, limit=None):
        sub, self.asking = self.sub, how
        if sub.cname and sub.cname not in self.a.evpos: sub.cursor = self.a.start_of(sub.cursor, sub.cname)
        return super().do_pull(how, link, limit)

    def page(self, limit):
        """The page that B gets from where its cursor stands, or again from where it stood once."""
        how, self.asking = self.asking, None
        since = self.sub.stands if how != "repeat" else self.points.get(self.asked)
        if not since and not self.whole: limit += self.start["A"][1]    # what made the site is in the log too
        if self.whole:
            point = ",".join(since) if since else "1970-01-01 00:00:00.000000"
            return Page(since, self.bench.run("es-pull", "-W", "0", "-s", "B.db", "-L", str(limit), *(["-S", point] if how == "repeat" else []),
                                              self.url or "A.db", until="checkpoint"))
        return Page(since, self.bench.run("es-producer-log", "-s", "A.db", "-L", str(limit), *(["-S", ",".join(since)] if since else []),
                                          *(["-c", "B"] if self.with_rows else []), until="checkpoint"))

    def check_page(self, page, lines, cursor, to):
        """It holds the model's lines, in order, as they were written; without a consumer also what is deleted since
        or not subscribed to."""
        same("page", "checkpoint", page.checkpoint, dict(page.checkpoint, event_producer=self.url or "A", site=self.ids["A"],
                                                         events=len(page.lines), **{"from": page.since and page.since[0]}))
        if self.whole and not lines: same("page", "without events: it went on", to, len(self.a.log))
        if self.with_rows:
            short = lambda type, dt, docname, name: " ".join((type, dt, docname, name[-4:]))
            same("page", "which lines", [short(l["update_type"], l["ref_doctype"], l["docname"], l["name"]) for l in page.lines],
                 [short(l["type"], l["dt"], l["docname"], self.events[l["name"]]["name"]) for l in lines])
            for got, l in zip(page.lines, lines): self.check_line(got, l)
            return
        log = [self.events[e.name]["text"] for e in self.a.log[cursor:to]]
        same("page", "lines", [l["text"] for l in page.lines], log)
        wanted = [self.events[l["name"]]["text"] for l in lines]
        same("page", "the model's lines among them", [x for x in log if x in wanted], wanted)
        alive = {self.births[b] for d in self.a.docs.values() for b in d.births}
        for l in page.lines:
            if l["text"] not in wanted and l["origin"][1] in alive and l["ref_doctype"] in self.sub.rows:
                raise Differs("page", "the model does not send %s" % l["text"])
        for l in lines: self.check_line(self.events[l["name"]], l)

    def check_line(self, got, l):
        """A line as it was printed when it was written, but for what depends on the reader; l is the model's."""
        prev = l["prev"] and self.events[l["prev"]]["name"]
        if l["snapshot"]: self.check_snapshot(got, l)
        else:
            want = dict(self.events[l["name"]])
            if "prev" in got: want["prev"] = prev
            if self.with_rows:                      # to one reader: what its author had seen of that one
                base = want.pop("base" if "author" in want else "knew", {}).get(self.ids["B"])
                want = dict(self.events[l["name"]], prev=want.get("prev"), base=base, event_producer=self.url or "A")
                want = {k: v for k, v in want.items() if k in got or v is not None}
            same("page", l["name"], dict(got, text=0), dict(want, text=0))
        l["text"] = got["text"]

    def check_snapshot(self, got, l):
        same("snapshot", "its name", got["name"], self.events[l["name"]]["name"])
        same("snapshot", "its prev", got["prev"], l["prev"] and self.events[l["prev"]]["name"])
        want = dict(type="Create", dt=l["dt"], docname=l["docname"], birth=self.births[l["births"][0]],
                    data=filled(as_ours(copy.deepcopy(l["data"]))), links={k: self.births[b] for k, b in l["links"].items()})
        told = self.told(got)
        for d in (told["data"], want["data"]): d.get("items", []).sort(key=lambda r: r["name"])
        same("snapshot", "what it says", {k: told[k] for k in want}, want)

    def fetched(self, l):
        """A document as it is now, for the model's snapshot of it."""
        got = self.snapshots(l["dt"], l["docname"])
        same("snapshot", "documents", len(got), 1)
        return self.take_snapshot(l, got[0])

    def snapshots(self, dt, *names):
        if self.url and names: return self.ask(dt, names)
        if self.whole: args = "es-pull", "-W", "0", "-i", "-s", "B.db", self.url or "A.db", dt, *names
        else: args = "es-producer-log", "-i", "-s", "A.db", dt, *names
        return [l for l in self.bench.run(*args) if "snapshot" in l]

    def ask(self, dt, names):
        """As a program that asks the producer for what it lacks."""
        form = urllib.parse.urlencode(dict(event_consumer="B", doctype=dt, names=json.dumps(names), limit=1000))
        if not self.line: self.line = http.client.HTTPConnection(self.url.partition("//")[2], timeout=60)
        self.line.request("POST", "/api/method/frappe.event_streaming.doctype.event_update_log.event_update_log."
                          "get_snapshots_for_consumer", form, {
            "Accept": "application/x-ndjson", "Content-Type": "application/x-www-form-urlencoded", "Authorization": self.key})
        r = self.line.getresponse()
        lines = [dict(json.loads(l), text=l) for l in r.read().decode().splitlines()]
        if r.status != 200: raise Differs("ask", "%d %s" % (r.status, lines))
        return [dict(l, event_producer=self.url) for l in lines if "snapshot" in l]

    def take_snapshot(self, l, got):
        self.check_snapshot(got, l)
        del got["text"]
        l["text"] = json.dumps(dict(got, dependency_of="a later line") if l["dep"] else got)
        return l

    def do_initial(self):
        """As in the model; but at the producer it leaves no trace."""
        a, b = self.a, self.b
        self.say("initial")
        lines = []
        for dt in a.cons[b.id]:
            docs = [d for d in a.docs.values() if d.dt == dt and a.visible(b.id, d)]
            got = self.snapshots(dt) if self.whole else self.snapshots(dt, *[d.name for d in docs])
            same("initial", dt, [l["docname"] for l in got], [d.name for d in docs])
            lines += [self.take_snapshot(a.snapshot(b.id, d), l) for d, l in zip(docs, got)]
        lines, linked = b.deps(a, lines)
        self.use(b, a, lines, None, linked, [])

    # -- the consumer
    def use(self, c, p, lines, ck, linked, full):
        if not lines and not self.bench.rows("B", "SELECT 1 FROM producer"):
            return                                  # a page without events does not tell B who A is
        before = {(l["name"], l["snapshot"]) for ch in self.sub.parked.values() for l in ch["lines"]}
        cursor = self.sub.cursor
        refused = [x for x in self.sub.parked if x in self.b.tomb and not any(
            l["type"] == "Delete" for l in lines if l["births"][0] == x)]
        if self.with_deps: linked = self.links_of(lines)        # a line that was cut vouches for nothing
        if ck and ck["page"].grant: self.take_grant(ck["page"].grant)
        super().use(c, p, lines, ck, linked, full)
        self.sub = c.subs[p.id]
        cut = ck and len([l for l in lines if not l["dep"]]) != ck["events"]
        new = {(l["name"], l["snapshot"]) for ch in self.sub.parked.values() for l in ch["lines"]} - before
        late = ck and ck["start"] > cursor
        page = [l["text"] for l in lines]
        if ck and ck["page"].grant: page.insert(0, ck["page"].grant["text"])
        if ck:
            page.append(self.checkpoint_text(ck))
            at = ck["page"].checkpoint
            if not cut and not late and at["last_update"]:
                is_ = at["last_update"], at["name"]     # it may end before a point of a time that was lost
                self.sub.stands = is_ if ck["page"].since == self.sub.stands else max(self.sub.stands or ("",), is_)
        page += [json.dumps(dict(end=dict(program="oracle", status=0)))]
        self.bench.run("es-apply", "-s", "B.db", input="\n".join(page) + "\n", name="page",
                       status=111 if cut else 1 if new or late or refused else 0)
        self.compare_sites()

    def checkpoint_text(self, ck):
        if self.with_rows: return ck["page"].text
        return json.dumps(dict(checkpoint=dict(ck["page"].checkpoint, events=ck["events"])))  # of those that are sent

    def links_of(self, lines):
        parked = [l for ch in self.sub.parked.values() for l in ch["lines"]]
        return {self.b.link_birth(self.a, l, t, c[k]) for l in lines + parked if l["data"] and l["type"] != "Rename"
                for c, k, t in model.slots(l["dt"], l["data"])}

    def do_restore(self):
        super().do_restore()
        self.sub, self.told_rows, self.ends = self.b.subs[self.a.id], None, []
        if "B" in self.backups:
            self.bench.restore("B")
            self.compare_sites()

    def do_backup(self):
        super().do_backup()
        for s in "AB": self.bench.backup(s)

    def do_prestore(self):
        """As in the model, with the entry that says that the site was restored."""
        a, b = self.a, self.b
        if "A" not in self.backups or self.backups["A"]["restored_at"] != a.restored_at: return
        cons = copy.deepcopy(a.cons)
        self.say("producer restored")
        a.__dict__.update(copy.deepcopy(self.backups["A"]))
        self.sticks = []
        self.bench.restore("A")
        self.bench.run("es-init", "-q", "-R", "-s", "A.db")
        opened = a.journal("Row", None, None)
        self.note(opened, self.newest("A"))
        a.opened, at, self.wrote = opened.real[0], len(a.log), []
        for dt, r in cons[b.id].items():            # what was granted and withdrawn since
            if a.cons[b.id][dt] != r: a.set_row(b.id, dt, **{k: r[k] for k in ("status", "unsub", "cond")})
        for s, e in self.wrote: self.write(s, e)
        granted = {k: pos for k, pos in a.since.items() if pos > at and k[1] in a.docs}
        self.give_back(b, a)
        if self.bench.rows("A", "SELECT opened = pos FROM restored ORDER BY opened DESC LIMIT 1")[0][0]:
            a.in_view_again(b.id, at)               # nothing came back: it ended where it began, before those grants
            a.since.update(granted)

    def give_back(self, b, a):
        self.wrote, was = [], self.newest("A")[0]
        parked, tombs = dict(b.subs[a.id].parked), dict(b.tomb)
        super().give_back(b, a)
        b.subs[a.id].parked, b.tomb = parked, tombs     # our B keeps them until what A sends then makes them void
        a.in_view_again(b.id, a.restored_at)
        back = self.bench.run("es-producer-log", "-s", "B.db", "-B", "A")
        self.bench.run("es-apply", "-B", "-q", "-s", "A.db", input="".join(l["text"] + "\n" for l in back), name="back", status=(0, 1))
        wrote, self.wrote = self.wrote, []
        self.note_given(was, [e for s, e in wrote if s is a])
        self.compare_documents(a)

    def note_given(self, was, entries):
        """Ours for the model's entries, the last for the last of each document; they are not sent to B."""
        real = {}
        for creation, name, birth in self.bench.rows("A", "SELECT j.creation, j.name, o.birth FROM journal j LEFT JOIN origin o"
                                                     " ON o.id = j.doc ORDER BY j.creation"):
            if self.text(creation) > was: real.setdefault(birth, []).append((self.text(creation), name))
        for e in reversed(entries):
            of = real.get(e.birth and self.births[e.birth]) or [None]
            if e.birth is None: self.note(e, self.newest("A"))
            elif of[-1]:
                self.events[e.name] = dict(name=of[-1][1])
                e.real = of[-1]
                self.points[e.name] = of[-1]
                if len(of) > 1: of.pop()
            else: raise Differs("back", "%s of %s %s is in the model alone" % (e.type, e.dt, e.docname))
        for e in entries:
            if e.type == "Rename":
                body = self.a.chain_before(None, e.num, self.a.evpos[e.name])
                self.bodies[self.events[e.name]["name"]] = self.events[body]["name"]

    def newest(self, site):
        creation, name = self.bench.rows(site, "SELECT creation, name FROM journal ORDER BY creation DESC LIMIT 1")[0]
        return self.text(creation), name

    # -- comparing B's file with the model's B
    def compare_sites(self):
        self.compare_documents(self.b)
        self.compare_parked()
        self.compare_seen()
        self.compare_journal()
        r = self.bench.rows("B", "SELECT cursor, cursor_name FROM producer")
        sub, b = self.sub, self.b
        same("cursor", "of B", (self.text(r[0][0]), r[0][1]) if r and r[0][0] else None, sub.stands)
        gone = {x[0] for x in self.bench.rows("B", "SELECT birth FROM origin WHERE gone IS NOT NULL")}
        ours = {e.birth for e in b.log} | {e.birth for e in self.a.log if e.dt in sub.rows}
        same("tombstones", "at B", sorted(gone), sorted(self.births[x] for x in b.tomb if x in ours))

    def compare_documents(self, s):
        docs = self.bench.rows(s.addr, "SELECT d.id, t.name, d.name, d.docstatus, d.home, d.dependency, d.remote, d.data, o.birth"
                               " FROM document d JOIN doctype t ON t.id = d.doctype JOIN origin o ON o.id = d.id"
                               " WHERE t.name IN (%s)" % ",".join("'%s'" % t for t in TYPES))
        byname = {(r[1], r[2]): r[8] for r in docs}
        also = {}
        for birth, n in self.bench.rows(s.addr, "SELECT birth, id FROM also"): also.setdefault(n, set()).add(birth)
        got, same_name = {}, self.same_name or s is self.a
        for n, dt, name, docstatus, home, dep, remote, data, birth in docs:
            x = json.loads(data)
            same("document", "%s %s: columns" % (dt, name), (x["doctype"], x["name"], x["docstatus"]), (dt, name, docstatus))
            got[birth] = dict(self.body(dt, x, lambda t, v: byname.get((t, v), "?" + v)), dt=dt, home=home != 0, dep=dep != 0,
                              remote=remote or name if home else None, births={birth} | also.get(n, set()))
            if same_name: got[birth]["name"] = name
        want, same_links = {}, same_name
        for d in s.docs.values():
            x = self.births[d.births[0]]
            want[x] = dict(self.body(d.dt, as_ours(d.body), lambda t, v: self.births[s.docs[s.names[t, v]].births[0]]),
                           dt=d.dt, home=d.home is not None, dep=d.dep, remote=d.remote if d.home else None,
                           births={self.births[y] for y in d.births})
            if same_name:                           # a dependency whose name is taken gets one that is ours
                other = d.dep and d.name != d.remote
                want[x]["name"] = got[x]["name"] if other and x in got else d.name
                same_links = same_links and want[x]["name"] == d.name
        if s is self.b: self.same_links = same_links
        same("documents", "at %s, by birth" % s.addr, sorted(got), sorted(want))
        for x in want:
            if self.editors or self.with_deps:      # what a conflict or a snapshot adds the model orders by name
                for y in (got[x], want[x]):
                    if "items" in y: y["items"].sort(key=lambda r: r["name"])
            if s is self.a:                         # what comes back to its owner has no home but that
                for y in (got[x], want[x]): y.update(home=None, dep=None, remote=None)
            same("document", "%s %s" % (want[x]["dt"], x), got[x], want[x])

    def body(self, dt, x, birth_of):
        d = {k: x.get(k) for k in model.blank(dt)}
        for k in ("docstatus", "b", "on"): d[k] = d[k] or 0
        if "items" in d: d["items"] = [dict(name=r["name"], item=r.get("item") or None, qty=r["qty"]) for r in d["items"] or []]
        for c, k, t in list(model.slots(dt, d)):
            if t not in model.NEVER: c[k] = birth_of(t, c[k])
        return d

    def compare_parked(self):
        kind = dict(gap="gap", update="gap", waits="waits", linked="linked", name="name", another="name",
                    conflict="conflict", invalid="type", docstatus="docstatus")
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
        return self.bodies.get(name, name)

    def compare_journal(self):
        """What B wrote: the same entries for each document, with the same marks, after each of which it
        was the same."""
        births = dict(self.bench.rows("B", "SELECT birth, id FROM origin UNION SELECT birth, id FROM also"))
        got, want, body, wbody, names, events = {}, {}, {}, {}, {}, {}
        for n, kind, name, marks, data in self.bench.rows(
                "B", "SELECT j.doc, j.type, j.name, j.marks, j.data FROM journal j JOIN doctype t ON t.id = j.doctype"
                " WHERE j.creation > ? AND t.name IN %s ORDER BY j.creation" % (TYPES,), self.start["B"][0]):
            m, kind = json.loads(marks or "{}"), ("Create", "Update", "Delete", "Rename")[kind]
            pruned = data is None and kind in ("Create", "Update")
            told = None if pruned else self.data_told(dict(update_type=kind, data=json.loads(data) if data else None))
            names.setdefault(n, []).append(name)
            via = {x: self.written_by(y) for x, y in m.get("via", {}).items()} if kind != "Rename" else m.get("via", {})
            of = got.setdefault(n, [])
            if pruned: body[n] = copy.deepcopy(self.states[name])
            after = self.after("Update" if pruned else kind, body, n, told)
            if kind in ("Create", "Update") and name not in self.states: self.states[name] = copy.deepcopy(body[n])
            x = kind, m.get("author") if kind in ("Create", "Update") else None, via, after
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
        elif data: model.patch(bodies[n], data)
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
            for s in self.sites.values(): s.clock += 1000
            if not self.do_pull(link=self.links[0], limit=1000): break
        else: raise model.Fail("no quiet after 40 rounds")
        if self.with_deps or not self.with_rows and all(dt in self.sub.rows for dt in model.DTS):
            self.compare(self.b, self.a)            # else things wait for what never comes
        if self.with_deps: return                   # snapshots go by the name of the newest event
        twice = self.bench.rows("B", "SELECT event, count(*) FROM synclog GROUP BY event HAVING count(*) > 1")
        same("synclog", "events logged more than once", twice, [])

# ---------------------------------------------------------------- running them
def schedule(seed, n, how):
    if "whole" in how: return model.schedule(seed, n)
    was = model.STEPS
    without = WHOLE + ([] if "rows" in how else ROWS) + ([] if "deps" in how else ["initial"])
    model.STEPS = {k: 0 if k in without else v for k, v in was.items()}
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
    if w:
        w.bench.close("A", "B")
        if w.bench.server: w.bench.server.kill(); w.bench.server.wait()
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
                    " rows: conditions, approval, what B refuses; several with commas; whole: the model's pair with all it has")
    ap.add_argument("--min", action="store_true", help="tell the shortest schedule that still fails")
    ap.add_argument("--keep", action="store_true", help="leave the scratch directory of a failed history")
    ap.add_argument("--all", action="store_true", help="go on after a failure, a line each")
    a = ap.parse_args()
    first, last = map(int, a.seeds.split("-")) if a.seed is None else (a.seed, a.seed)
    if not os.access(os.path.join(BIN, "es-apply"), os.X_OK): sys.exit("no programs in %s; make all" % BIN)
    os.umask(0o077)
    root = tempfile.mkdtemp(prefix="oracle.")
    if "whole" in a.how:
        global CLOCK
        CLOCK = os.path.join(root, "clock.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", CLOCK, HERE + "/clock.c"], check=True)
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
