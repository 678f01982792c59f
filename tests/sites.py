#!/usr/bin/env python3
"""Random histories of several sites that read from each other, in the executable model and in real
site files: twoway, star, ring, diamond of es_model.py.

Each step of a schedule is done in the model and then with es-put, es-rm, es-mv, and es-pull (from the
site files), es-deps, es-apply.  After each page the reader's documents and tombstones, what is parked
and why, its cursor, and what was lost in conflicts as its sync log has it, must be the model's.  At
the end all pull until nothing moves: in the model and in the files all must come to rest, then every
site has the documents that the model has, which in turn are equal where they must be; no event is
applied twice.

    sites.py --scenario star --seeds 0-199 --jobs 2     a line a failing seed; status 1 if there is one
    sites.py --scenario ring --seed 17 --min --keep     the shortest schedule that still fails, told
"""
import argparse, collections, copy, json, multiprocessing, os, random, shutil, sqlite3, subprocess, sys, tempfile, traceback
import es_model as model, oracle
from oracle import BIN, Bench, Differs, TYPES, as_ours, doctypes, same

LAX = {"twoway": "A", "star": "H", "ring": "A", "diamond": "A"}     # writes and takes what others refuse
END = json.dumps(dict(end=dict(program="sites", status=0)))

def producer(url, rows):
    rows = [dict(ref_doctype=dt, status=r["status"], unsubscribe=int(r["unsub"]), use_same_name=int(r["same"]),
                 conflict=r["policy"]) for dt, r in rows.items()]
    return json.dumps(dict(doctype="Event Producer", producer_url=url, user="Administrator", producer_doctypes=rows))

def consumer(url, site, rows):
    rows = [dict(ref_doctype=dt, status=r["status"], unsubscribed=int(r["unsub"]),
                 condition="doc.%s == 1" % r["cond"] if r["cond"] else None) for dt, r in rows.items()]
    return json.dumps(dict(doctype="Event Consumer", callback_url=url, user="Administrator", site=site,
                           consumer_doctypes=rows))

def prepare(root, scen):
    """Empty sites, whose identities are in the order of their names; made once, copied for each history."""
    made = os.path.join(root, scen)
    if os.path.isdir(made): return made
    b = Bench(made + ".new", False, [])
    for s in sorted(model.SCEN[scen][0]):
        r = subprocess.run([BIN + "/es-init", "-q", "-s", b.path(s + ".db"), s])
        if r.returncode: sys.exit("no site file: es-init said %d" % r.returncode)
        b.run("es-doctype", "-q", "-s", s + ".db", input=doctypes("JSON" if s == LAX[scen] else "Int"), name="doctypes")
        sqlite3.connect(b.path(s + ".db")).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.rename(made + ".new", made)
    return made

# ---------------------------------------------------------------- the model, watched
class Site(oracle.Site):
    def __init__(self, world, addr):
        super().__init__(world, addr)
        self.id = world.ids[addr]                   # which of two is the smaller counts
        self.bad_ok = addr == LAX[world.scen]
        self.marks = [(0, None, None)]              # where steps ended: in the model's log, and in ours


class World(model.World):
    """A scenario of the model, its steps done with the programs as well."""
    text, micros, say = staticmethod(oracle.World.text), staticmethod(oracle.World.micros), oracle.World.say
    rnd, shared = oracle.World.rnd, oracle.World.shared

    def __init__(self, scen, seed, root, keep):
        self.with_deps, self.asking, self.asked = True, None, None
        self.wrote, self.saved, self.granted, self.told, self.births, self.bad = [], None, {}, {}, {}, False
        self.named = set()                          # what some site had to call by another name
        self.story = ["%s, seed %d" % (scen, seed)]
        self.bench = Bench(os.path.join(root, "%s-%d" % (scen, seed)), keep, self.story)
        made = prepare(root, scen)
        for s in model.SCEN[scen][0]:
            shutil.copyfile(os.path.join(made, s + ".db"), self.bench.path(s + ".db"))
            os.chmod(self.bench.path(s + ".db"), 0o600)
        self.ids = {s: self.bench.rows(s, "SELECT value FROM site WHERE key='id'")[0][0] for s in model.SCEN[scen][0]}
        self.scen = scen
        super().__init__(scen, seed, True)
        self.same_name = all(r["same"] for c, p in self.links for r in c.subs[p.id].rows.values())
        self.put_rows()
        self.mark()

    # -- one step, here and there
    def step(self, op, sub):
        self.wrote, self.saved = [], None
        self.story.append(op)
        super().step(op, sub)
        if op not in PIPE:
            for s, e in self.wrote: self.write(s, e)
        self.put_rows()
        self.mark()

    def mark(self):
        for s in self.sites.values():
            at = self.bench.rows(s.addr, "SELECT creation, name FROM journal ORDER BY creation DESC LIMIT 1")[0]
            is_ = (len(s.log), self.text(at[0]), at[1])
            if s.marks[-1] != is_: s.marks.append(is_)

    def put_rows(self):
        """The subscriptions that changed, at both ends."""
        for s in self.sites.values():
            is_ = {}
            for c, p in self.links:
                if s is c and c.subs[p.id].rows: is_["from", p.addr] = producer(p.addr, c.subs[p.id].rows)
                if s is p and c.id in p.cons: is_["to", c.addr] = consumer(c.addr, c.id, p.cons[c.id])
            new = [v for k, v in is_.items() if self.told.get((s.addr, k)) != v]
            if new: self.bench.run("es-put", "-q", "-s", s.addr + ".db", input="\n".join(new) + "\n", name="put")
            self.told.update({(s.addr, k): v for k, v in is_.items()})

    def do_clock(self): pass                        # that each journal only rises is tested elsewhere

    def do_bad(self):
        self.bad = True
        self.change(lambda s, d, b: b.update(a="BAD") if s.bad_ok else False, op="bad")

    def do_repair(self): self.repair(self.rng.choice(list(self.sites.values())))

    def repair(self, s):
        """What it refused is allowed there from now on."""
        if not s.bad_ok:
            self.bench.run("es-doctype", "-q", "-s", s.addr + ".db", name="doctypes", input=doctypes("JSON"))
        s.bad_ok = True

    def do_prune(self):
        s = self.rng.choice(list(self.sites.values()))
        pos, at, name = self.rng.choice(s.marks)
        if not at: return
        self.say("prune", s.addr)
        s.prune(pos)
        self.bench.run("es-prune", "-q", "-s", s.addr + ".db", "-U", self.text(self.micros(at) + 1))

    def do_backup(self):
        if self.scen != "diamond": return
        super().do_backup()
        self.bench.backup("D")

    def do_restore(self):
        super().do_restore()
        if "D" not in self.backups: return
        self.bench.restore("D")
        self.told = {k: v for k, v in self.told.items() if k[0] != "D"}
        if self.sites["D"].bad_ok: self.sites["D"].bad_ok = False; self.repair(self.sites["D"])

    # -- what a user writes
    def called(self, s, birth, name):
        """What the document is called in the real site; name is what the model calls it."""
        if birth not in self.births: raise Differs("birth", "%s was never written" % name)
        r = self.bench.rows(s.addr, "SELECT d.name FROM document d JOIN (SELECT id, birth FROM origin UNION"
                            " SELECT id, birth FROM also) USING(id) WHERE birth = ?", self.births[birth])
        return r[0][0] if r else "?" + name

    def name_of(self, s, d): return self.called(s, d.births[0], d.name)

    def local_name(self, s, name):
        """With local names ours differ from the model's; none may meet another."""
        return name if self.same_name else "%s.%s" % (s.addr, name)

    def write(self, s, e):
        db = s.addr + ".db"
        if e.type == "Row": return
        if e.type in ("Create", "Update"): lines = self.put(s, s.docs[e.num], e)
        elif e.type == "Delete": lines = self.bench.run("es-rm", "-s", db, e.dt, self.called(s, e.birth, e.docname))
        else: lines = self.bench.run("es-mv", "-s", db, e.dt, self.called(s, e.birth, e.docname), self.local_name(s, e.new_name))
        got = [l for l in lines if "update_type" in l]
        same("written", "events of a write", [l["update_type"] for l in got], [e.type])
        if e.type == "Create": self.births[e.birth] = got[0]["origin"][1]

    def put(self, s, d, e):
        body = as_ours(d.body)
        body["items"] = [dict(r) for r in body.get("items", [])]
        for c, k, t in list(model.slots(d.dt, body)):
            if t not in model.NEVER: c[k] = self.name_of(s, s.docs[s.names[t, c[k]]])
        if d.dt != "Invoice": del body["items"]
        elif e.type == "Update":                    # the model may have them in another order
            r = self.bench.rows(s.addr, "SELECT d.data FROM document d JOIN doctype t ON t.id = d.doctype"
                                " WHERE t.name = ? AND d.name = ?", d.dt, self.name_of(s, d))
            is_at = {r["name"]: r["idx"] for r in json.loads(r[0][0])["items"]}
            body["items"].sort(key=lambda r: is_at.get(r["name"], 99))
        body.update(doctype=d.dt, name=self.local_name(s, d.name) if e.type == "Create" else self.name_of(s, d))
        return self.bench.run("es-put", "-s", s.addr + ".db", input=json.dumps(body) + "\n", name="put")

    # -- pages
    def do_pull(self, how="pull", link=None, limit=None):
        c, p = link or self.rng.choice(self.links)
        sub = c.subs[p.id]
        if not sub.rows or how == "pull" and self.has_all(c, p): return 0
        at = self.rng.choice(sub.past)[0] if how == "repeat" else sub.cursor
        page, to = self.page(c, p, at, limit or self.rng.choice((1, 2, 3, 5, 10, 50)), how == "repeat")
        lines, ck = p.answer(c.id, at, to - at)
        self.say(how, c.addr, "<-", p.addr, "from", at, "to", to,
                 [(l["type"][0] + ("s" if l["snapshot"] else ""), l["dt"][:3], l["docname"], l["name"][:4], str(l["prev"])[:4]) for l in lines])
        for l in lines:
            if l["dt"] in ("Secret", "User"): raise model.Fail("%s was sent" % l["dt"])
        if how == "lost": return 0
        if how == "stick":                          # what was granted then is no news when it comes
            self.sticks.append((c, p, lines, ck, [l for l in page if "grant" not in l])); return 0
        return self.take(c, p, lines, ck, page, how == "cut")

    def has_all(self, c, p):
        """The cursors are at the ends of both logs, and nothing is parked."""
        r = self.bench.rows(c.addr, "SELECT cursor FROM producer WHERE name = ?", p.addr)
        return r and self.text(r[0][0]) == p.marks[-1][1] and c.subs[p.id].cursor == len(p.log) and not c.subs[p.id].parked

    def do_unstick(self):
        if not self.sticks: return
        c, p, lines, ck, page = self.sticks.pop(self.rng.randrange(len(self.sticks)))
        self.say("unstick", c.addr, p.addr, ck)
        self.take(c, p, lines, ck, page, False)

    def page(self, c, p, at, limit, again):
        """A page of ours that ends where a step did; and where that is in the model's log."""
        args = ["es-pull", "-W", "0", "-s", c.addr + ".db", "-L", "1", p.addr + ".db"]
        if again:
            since = min(m[1:] for m in p.marks if m[0] == at) if at else None
            args[5:5] = ["-S", ",".join(since) if since and since[0] else "1970-01-01 00:00:00.000000"]
        page, lines, ends = [], [], {m[1:]: m[0] for m in p.marks}
        first, to = None, None
        for l in self.bench.run(*args):
            ck = l.get("checkpoint")
            if not ck: lines.append(l); continue
            first = first or ck
            stands = ends.get((ck["last_update"], ck["name"]))
            if stands is not None:
                page, to, last = list(lines), stands, ck
                if stands - at >= limit: break
        if to is None or to < at: raise Differs("page", "ends in the middle of a step: %s" % lines[-1:])
        n = sum("update_type" in l for l in page)
        return page + [dict(checkpoint=dict(last, events=n, **{"from": first["from"]}))], to

    def take(self, c, p, lines, ck, page, cut):
        state = self.state(c, p)
        full, lines = lines, copy.deepcopy(lines)
        lines, linked = c.deps(p, lines)
        page = self.deps(c, p, page)
        cut = cut and lines and self.cut(lines, page)
        linked = self.links_of(c, p, lines)         # a line that was cut vouches for nothing
        full = [l for l in full if not (c.local(l) is None and tuple(l["births"][0]) in c.tomb)]
        self.use(c, p, lines, ck, linked, full)
        at = page[-1].get("checkpoint") if page else None
        if len(page) > 1 or page and (not at or at["from"] != at["last_update"]) or self.has_parked(c, p):
            text = [l.get("text") or json.dumps(l) for l in page] + [END]
            self.bench.run("es-apply", "-s", c.addr + ".db", input="\n".join(text) + "\n", name="page",
                           status=111 if cut else (0, 1))
        self.compare_sites(c, p)
        return state != self.state(c, p)

    def state(self, c, p):
        sub = c.subs[p.id]
        return (sub.cursor, len(c.log), len(sub.applied), str(sorted(sub.parked)),
                self.bench.rows(c.addr, "SELECT (SELECT max(creation) FROM journal), (SELECT count(*) FROM parked),"
                                " (SELECT max(id) FROM synclog), (SELECT max(cursor) FROM producer)"))

    def cut(self, lines, page):
        """Takes the same line out of both, if they have it at the same place of its document; will it be missed?"""
        said = lambda l: (self.births.get(l["births"][0]), l["type"], bool(l["snapshot"]))
        ours = [(l["origin"][1], l["update_type"], bool(l.get("snapshot"))) if "update_type" in l else None for l in page]
        i = self.rng.randrange(len(lines))
        is_ = [said(l) for l in lines]
        if is_.count(is_[i]) != ours.count(is_[i]): return False
        j = [k for k, x in enumerate(ours) if x == is_[i]][is_[:i].count(is_[i])]
        del lines[i]
        return "dependency_of" not in page.pop(j)

    def links_of(self, c, p, lines):
        parked = [l for ch in c.subs[p.id].parked.values() for l in ch["lines"]]
        return {c.link_birth(p, l, t, v[k]) for l in lines + parked if l["data"] and l["type"] != "Rename"
                for v, k, t in model.slots(l["dt"], l["data"])}

    def deps(self, c, p, page):
        """With what they need and c has not."""
        if not any("update_type" in l for l in page) and not self.has_parked(c, p): return page
        text = [l.get("text") or json.dumps(l) for l in page] + [END]
        return [l for l in self.bench.run("es-deps", "-s", c.addr + ".db", "-p", p.addr + ".db", input="\n".join(text) + "\n",
                                          name="page") if "end" not in l]

    def has_parked(self, c, p):
        return self.bench.rows(c.addr, "SELECT 1 FROM parked JOIN peer ON peer.id = peer WHERE peer.name = ? LIMIT 1", p.id)

    def fetched(self, l): return l

    def do_initial(self):
        """As in the model; but at the producer it leaves no trace."""
        c, p = self.rng.choice(self.links)
        if not c.subs[p.id].rows: return
        self.say("initial", c.addr, p.addr)
        lines, page = [], []
        for dt in p.cons[c.id]:
            lines += [p.snapshot(c.id, d) for d in p.docs.values() if d.dt == dt and p.visible(c.id, d)]
            page += [l for l in self.bench.run("es-pull", "-W", "0", "-i", "-s", c.addr + ".db", p.addr + ".db", dt, status=(0, 1))
                     if "snapshot" in l]
        same("initial", "documents", sorted(l["origin"][1] for l in page), sorted(self.births[l["births"][0]] for l in lines))
        self.take(c, p, lines, None, page, False)

    # -- comparing a site's file with the model's
    def compare_sites(self, c, p):
        self.compare_documents(c)
        self.compare_parked(c, p)
        self.compare_lost(c)
        r = self.bench.rows(c.addr, "SELECT cursor, cursor_name FROM producer r JOIN peer p ON p.id = r.peer WHERE p.name = ?", p.id)
        at = (self.text(r[0][0]), r[0][1]) if r and r[0][0] else (None, None)
        if not {c.subs[p.id].cursor} <= {m[0] for m in p.marks if m[1:] == at or at[0] is None and not m[0]}:
            raise Differs("cursor", "of %s in the log of %s: %s, in the model %d" % (c.addr, p.addr, at, c.subs[p.id].cursor))
        gone = {x[0] for x in self.bench.rows(c.addr, "SELECT birth FROM origin WHERE gone IS NOT NULL")}
        same("tombstones", "at " + c.addr, sorted(gone & set(self.births.values())), sorted(self.births[x] for x in c.tomb))

    def compare_documents(self, s):
        peers = dict(self.bench.rows(s.addr, "SELECT id, name FROM peer"))
        docs = self.bench.rows(s.addr, "SELECT d.id, t.name, d.name, d.docstatus, d.home, d.dependency, d.remote, d.data, o.birth"
                               " FROM document d JOIN doctype t ON t.id = d.doctype JOIN origin o ON o.id = d.id"
                               " WHERE t.name IN %s" % (TYPES,))
        byname = {(r[1], r[2]): r[8] for r in docs}
        also = collections.defaultdict(set)
        for birth, n in self.bench.rows(s.addr, "SELECT birth, id FROM also"): also[n].add(birth)
        got, want = {}, {}
        for n, dt, name, docstatus, home, dep, remote, data, birth in docs:
            x = json.loads(data)
            same("document", "%s %s: columns" % (dt, name), (x["doctype"], x["name"], x["docstatus"]), (dt, name, docstatus))
            got[birth] = dict(self.body(dt, x, lambda t, v: byname.get((t, v), "?" + v)), dt=dt, home=peers.get(home), dep=dep != 0,
                              remote=remote or name if home else None, births={birth} | also.get(n, set()), name=name)
        for d in s.docs.values():
            want[self.births[d.births[0]]] = dict(
                self.body(d.dt, as_ours(d.body), lambda t, v: self.births[s.docs[s.names[t, v]].births[0]]),
                dt=d.dt, home=d.home, dep=d.dep, remote=d.remote if d.home else None,
                births={self.births[y] for y in d.births}, name=d.name)
        same("documents", "at %s, by birth" % s.addr, sorted(got), sorted(want))
        for d in s.docs.values():
            x = self.births[d.births[0]]
            g, w = got[x], want[x]
            if d.dep and d.name != d.remote: self.named.add(x)      # by its site, and so called further on
            if not self.same_name or x in self.named: w.update(name=g["name"], remote=g["remote"])
            if d.births[0][0] == s.id:              # what comes back to its owner has no home but that
                for y in g, w: y.update(home=None, dep=None, remote=None)
            for y in g, w:
                if "items" in y: y["items"].sort(key=lambda r: r["name"])
            same("document", "%s %s at %s" % (d.dt, d.name, s.addr), g, w)

    body = oracle.World.body

    def compare_parked(self, c, p):
        kind = dict(gap="gap", update="gap", waits="waits", linked="linked", name="name", another="name",
                    conflict="conflict", invalid="type", docstatus="docstatus")
        got = {}
        for key, code in self.bench.rows(c.addr, "SELECT document, code FROM parked JOIN peer ON peer.id = peer WHERE peer.name = ?", p.id):
            got.setdefault(key.split("/")[1], set()).add(code)
        want = {self.births[x]: {kind[ch["why"].split(" ")[0]]} for x, ch in c.subs[p.id].parked.items()}
        same("parked", "at %s, from %s" % (c.addr, p.addr), got, want)

    def compare_lost(self, c):
        """What was lost in conflicts: where, to whom, and the values but for names."""
        got, want = collections.Counter(), collections.Counter()
        for text, in self.bench.rows(c.addr, "SELECT lost FROM synclog WHERE lost IS NOT NULL"):
            for x in json.loads(text):
                at = ("r", x["row"], x["field"]) if "field" in x and "row" in x else ("r", x["row"]) if "row" in x else ("f", x["field"])
                got[self.lost(at, x["kept"], x["lost"], x["winner"])] += 1
        for name, at, mine, theirs, side in c.conflicts:
            kept, lost = (mine, theirs) if side == "C" else (theirs, mine)
            want[self.lost(at, kept, lost, "here" if side == "C" else "producer")] += 1
        same("lost", "in conflicts at %s" % c.addr, sorted((got - want).items()), sorted((want - got).items()))

    def lost(self, at, kept, lost, winner):
        if at[-1] in ("a", "b", "on", "docstatus", "qty"):
            if at[0] == "f" and isinstance(kept, list): kept, lost = kept[0], lost[0]
            return (at, str(kept), str(lost), winner)
        return (at, "", "", winner)

    # -- the end
    def finish(self):
        self.story.append("until quiet")
        self.rng.seed(7)
        self.wrote = []
        for c, p in self.links:
            for dt, r in sorted(c.subs[p.id].rows.items()):
                r["policy"] = "origin"
                if r["unsub"] and self.scen == "ring": r["unsub"] = False; p.set_row(c.id, dt, unsub=False)
                if not r["unsub"] and r["status"] == "Pending":
                    self.approve(c, p, dt)
                    self.put_rows()                 # each comes into view at a place of its own
        for s in self.sites.values() if self.bad else (): self.repair(s)
        self.put_rows()
        self.mark()
        for n in range(40):
            moved = False
            for l in self.links:
                self.story.append("round %d" % n)
                moved = bool(self.do_pull(link=l, limit=1000)) or moved
                self.mark()
            if not moved: break
        else: raise model.Fail("no quiet after 40 rounds")
        for c, p in self.links: self.compare(c, p)
        for s in self.sites.values():
            self.compare_documents(s)
            same("synclog", "events applied more than once at %s" % s.addr, self.bench.rows(
                s.addr, "SELECT event, peer, type, status, count(*) FROM synclog WHERE status = 0 AND type IN (1, 2, 3)"
                " GROUP BY event, peer HAVING count(*) > 1"), [])
        if self.seed % 8 == 0:
            for s in self.sites.values(): self.resync(s)

    def stored(self, s):
        return [self.bench.rows(s.addr, sql) for sql in ("SELECT doctype, name, docstatus, data FROM document ORDER BY id",
                "SELECT max(creation) FROM journal", "SELECT event, document FROM parked ORDER BY 1")]

    def resync(self, s):
        """All that ever came is applied anew: nothing changes, as nobody changed a mapping."""
        was = self.stored(s)
        for dt in TYPES:
            lines = self.bench.run("es-resync", "-q", "-s", s.addr + ".db", dt)
            self.bench.run("es-apply", "-q", "-s", s.addr + ".db", name="anew", input="".join(l["text"] + "\n" for l in lines), status=(0, 1))
            same("resync", "%s at %s, applied anew" % (dt, s.addr), self.stored(s), was)

# Schedules as the model has them, but with more edits of fewer documents.
STEPS = dict(model.STEPS, create=8, edit=34, rows=8, toggle=4, pull=30, approve=1, prestore=0, localdoc=0, clock=0)
PIPE = ("pull", "lost", "repeat", "cut", "stick", "unstick", "initial", "backup", "restore")

# ---------------------------------------------------------------- running them
def run(scen, seed, steps, root, keep=False):
    """None, or (kind, message, story)."""
    w, bad, model.Site = None, None, Site
    try:
        w = World(scen, seed, root, keep)
        for op, x in steps: w.step(op, x)
        w.finish()
    except Differs as x: bad = x.kind, str(x)
    except model.Fail as x: bad = "model", "the model itself: %s" % x
    except Exception as x: bad = "harness", "%r\n%s" % (x, traceback.format_exc())
    if w:
        w.bench.close(*w.sites)
        if not keep: shutil.rmtree(w.bench.root, ignore_errors=True)
    return bad and (*bad, w.story if w else [])

def schedule(seed, n, dense):
    was = model.STEPS
    if dense: model.STEPS = STEPS
    try: return model.schedule(seed, n)
    finally: model.STEPS = was

def shortest(scen, seed, steps, root):
    want, n = run(scen, seed, steps, root)[0], 1
    while n < len(steps): n *= 2
    while n:
        i = 0
        while i < len(steps):
            t = steps[:i] + steps[i + n:]
            bad = run(scen, seed, t, root)
            if bad and bad[0] == want: steps = t
            else: i += n
        n //= 2
    return steps

def one(job):
    scen, seed, a, root = job
    root = os.path.join(root, str(os.getpid()))
    steps = schedule(seed, a.steps, not a.plain)
    bad = run(scen, seed, steps, root)
    if bad and a.min: steps = shortest(scen, seed, steps, root)
    if bad and (a.min or a.keep): bad = run(scen, seed, steps, root, a.keep) or bad
    return scen, seed, bad

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--scenario", default="all", choices=list(LAX) + ["all"])
    ap.add_argument("--seed", type=int)
    ap.add_argument("--seeds", default="0-199", help="from-to")
    ap.add_argument("--steps", type=int, default=40)
    ap.add_argument("--plain", action="store_true", help="as many steps of each kind as the model has")
    ap.add_argument("--jobs", type=int, default=1)
    ap.add_argument("--min", action="store_true", help="tell the shortest schedule that still fails")
    ap.add_argument("--keep", action="store_true", help="leave the scratch directory of a failed history")
    ap.add_argument("--all", action="store_true", help="go on after a failure, a line each")
    a = ap.parse_args()
    first, last = map(int, a.seeds.split("-")) if a.seed is None else (a.seed, a.seed)
    if not os.access(os.path.join(BIN, "es-apply"), os.X_OK): sys.exit("no programs in %s; make all" % BIN)
    os.umask(0o077)
    shm = "/dev/shm"                                # thousands of small files that no one needs on a disk
    root = tempfile.mkdtemp(prefix="sites.", dir=shm if os.access(shm, os.W_OK) else None)
    scens = list(LAX) if a.scenario == "all" else [a.scenario]
    bad, n = 0, 0
    try:
        with multiprocessing.Pool(a.jobs) as pool:
            jobs = [(x, s, a, root) for x in scens for s in range(first, last + 1)]
            for scen, seed, r in pool.imap_unordered(one, jobs):
                n += 1
                if not r: continue
                bad += 1
                if a.all: print("%s %d: %s" % (scen, seed, " ".join(r[1].split())[:300])); sys.stdout.flush(); continue
                print("\n".join(r[2]))
                print("%s, seed %d: %s" % (scen, seed, r[1]))
                if a.keep: print("kept in %s" % root)
                break
    finally:
        if not (a.keep and bad): shutil.rmtree(root, ignore_errors=True)
    print("%d histories, %d failed" % (n, bad))
    return 1 if bad else 0

if __name__ == "__main__": sys.exit(main())
