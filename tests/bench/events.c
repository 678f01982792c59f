/* events - print the events of an invented shop, the same bytes for the same
 * seed: what its invoices need, then invoices of about 1.3 KB a line */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

static const char usage[] =
    "usage: events [-f first] seed count	Creates, from invoice first\n"
    "       events -u [-f first] seed count	an Update of each of them\n"
    "       events -d [-f first] seed count	the documents alone\n";

enum { CUSTOMERS = 100, ITEMS = 200, PAGE = 1000 };
enum what { SITE, MASTER, INVOICE, UPDATE, BIRTH = 16 };
#define SHOP "http://store1"
static const int64_t BEGIN = INT64_C(1704067200000000);	/* 2024-01-01 */
static const int64_t YEAR = INT64_C(365) * 86400 * 1000000;

static const char *const groups[] = { "Λαχανικά", "Bakery", "Drinks & Ice" };
static const char *const places[] = { "Attica", "Κρήτη", "Thessaly", "Epirus" };
static const char *const units[] = { "Nos", "Box" };

struct stream {
	uint64_t	 seed;
	char		 site[ID_LEN + 1];
	bool		 bare;		/* documents alone */
	int64_t		 from, last;	/* of this page */
	char		 name[ID_LEN + 1];	/* of its last event */
	int64_t		 events;
};

struct line {				/* of an invoice */
	char		 row[11];
	int		 item, unit, qty, cents;
};
struct invoice {
	int64_t		 n;
	int		 customer, nlines, total;
	struct line	 lines[3];
};

/* ---- randomness: splitmix64, so that any event can be made by itself */

static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t
hash(const struct stream *s, int kind, int64_t n)
{
	return mix(mix(s->seed * 64 + kind) ^ (uint64_t)n);
}

static uint64_t
next(uint64_t *x)
{
	return *x = mix(*x);
}

/* ---- ids and times are functions of what they name */

static int64_t
time_of(int kind, int64_t n)
{
	int64_t start = BEGIN;

	if (kind == INVOICE)
		start += INT64_C(60) * 1000000;
	else if (kind == UPDATE)
		start += YEAR;
	return start + n * 1000;
}

/* As id_new makes them, but for the randomness. */
static void
id_of(const struct stream *s, int kind, int64_t n, char id[ID_LEN + 1])
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t r = hash(s, kind, n);
	int64_t time = time_of(kind & ~BIRTH, n);
	int i;

	for (i = 10; i >= 0; i--, time >>= 5)
		id[i] = alphabet[time & 31];
	for (i = 11; i < ID_LEN; i++, r >>= 5)
		id[i] = alphabet[r & 31];
	id[ID_LEN] = '\0';
}

/* ---- an event around its document */

static void
begin(struct stream *s, int kind, int64_t n, const char *doctype,
    const char *name)
{
	char creation[TIME_TEXT_LEN];

	s->last = time_of(kind, n);
	time_text(s->last, creation);
	id_of(s, kind, n, s->name);
	if (!s->bare)
		printf("{\"name\":\"%s\",\"creation\":\"%s\",\"update_type\":"
		    "\"%s\",\"ref_doctype\":\"%s\",\"docname\":\"%s\",\"data\":",
		    s->name, creation, kind == UPDATE ? "Update" : "Create",
		    doctype, name);
	if (kind == UPDATE)
		return;
	printf("{\"doctype\":\"%s\",\"name\":\"%s\"", doctype, name);
	if (!s->bare)
		printf(",\"owner\":\"till@example.com\",\"creation\":\"%s\","
		    "\"modified\":\"%s\",\"modified_by\":\"till@example.com\","
		    "\"docstatus\":0", creation, creation);
}

static void
begin_links(const struct stream *s, int kind, int64_t n, const char *prev)
{
	char birth[ID_LEN + 1];

	id_of(s, kind | BIRTH, n, birth);
	printf(",\"event_producer\":\"" SHOP "\",\"site\":\"%s\",\"prev\":",
	    s->site);
	if (prev == NULL)
		printf("null");
	else
		printf("\"%s\"", prev);
	printf(",\"origin\":[\"%s\",\"%s\"]", s->site, birth);
}

/* A page ends with a thousand events, as the producer's do. */
static void
page(struct stream *s)
{
	char from[TIME_TEXT_LEN], to[TIME_TEXT_LEN];

	if (s->bare || s->events == 0)
		return;
	printf("{\"checkpoint\":{\"event_producer\":\"" SHOP "\",\"from\":");
	if (s->from == 0)
		printf("null");
	else
		printf("\"%s\"", time_text(s->from, from));
	printf(",\"last_update\":\"%s\",\"name\":\"%s\",\"events\":%lld}}\n",
	    time_text(s->last, to), s->name, (long long)s->events);
	s->from = s->last;
	s->events = 0;
}

static void
finish(struct stream *s)
{
	if (s->bare) {
		putchar('\n');
		return;
	}
	printf(",\"via\":[\"%s\"]}\n", s->site);
	if (++s->events == PAGE)
		page(s);
}

/* ---- masters, numbered in the order in which they come */

enum { GROUP0, PLACE0 = 3, UNIT0 = 7, CUSTOMER0 = 9,
	ITEM0 = CUSTOMER0 + CUSTOMERS };

static void
link_to(const struct stream *s, const char *name, int master)
{
	char birth[ID_LEN + 1];

	id_of(s, MASTER | BIRTH, master, birth);
	printf("\"%s\":[\"%s\",\"%s\"]", name, s->site, birth);
}

static void
simple(struct stream *s, int master, const char *doctype, const char *field,
    const char *name)
{
	begin(s, MASTER, master, doctype, name);
	printf(",\"%s\":\"%s\"}", field, name);
	if (!s->bare)
		begin_links(s, MASTER, master, NULL);
	finish(s);
}

static void
customer(struct stream *s, int k)
{
	int place = hash(s, CUSTOMER0, k) % 4;
	char name[32];

	snprintf(name, sizeof(name), "CUST-%04d", k + 1);
	begin(s, MASTER, CUSTOMER0 + k, "Customer", name);
	printf(",\"customer_name\":\"Παντοπωλείο %d\",\"customer_type\":"
	    "\"Company\",\"territory\":\"%s\",\"email_id\":\"c%d@example.com\","
	    "\"credit_limit\":1500.00}", k + 1, places[place], k + 1);
	if (!s->bare) {
		begin_links(s, MASTER, CUSTOMER0 + k, NULL);
		printf(",\"links\":{\"Territory\":{");
		link_to(s, places[place], PLACE0 + place);
		printf("}}");
	}
	finish(s);
}

static void
item(struct stream *s, int k)
{
	int group = hash(s, ITEM0, k) % 3;
	char name[32];

	snprintf(name, sizeof(name), "ITEM-%05d", k + 1);
	begin(s, MASTER, ITEM0 + k, "Item", name);
	printf(",\"item_code\":\"%s\",\"item_name\":\"Φέτα No %d\","
	    "\"item_group\":\"%s\",\"stock_uom\":\"Nos\",\"is_stock_item\":1,"
	    "\"standard_rate\":%d.%02d}", name, k + 1, groups[group], 1 + k % 90,
	    k % 100);
	if (!s->bare) {
		begin_links(s, MASTER, ITEM0 + k, NULL);
		printf(",\"links\":{\"Item Group\":{");
		link_to(s, groups[group], GROUP0 + group);
		printf("},\"UOM\":{");
		link_to(s, "Nos", UNIT0);
		printf("}}");
	}
	finish(s);
}

static void
masters(struct stream *s)
{
	int k;

	for (k = 0; k < 3; k++)
		simple(s, GROUP0 + k, "Item Group", "item_group_name", groups[k]);
	for (k = 0; k < 4; k++)
		simple(s, PLACE0 + k, "Territory", "territory_name", places[k]);
	for (k = 0; k < 2; k++)
		simple(s, UNIT0 + k, "UOM", "uom_name", units[k]);
	for (k = 0; k < CUSTOMERS; k++)
		customer(s, k);
	for (k = 0; k < ITEMS; k++)
		item(s, k);
}

/* ---- invoices */

static void
invoice_make(const struct stream *s, int64_t n, struct invoice *v)
{
	uint64_t r = hash(s, INVOICE, n);
	struct line *l;
	int i;

	v->n = n;
	v->customer = next(&r) % CUSTOMERS;
	v->nlines = 1 + next(&r) % 3;
	v->total = 0;
	for (i = 0; i < v->nlines; i++) {
		l = &v->lines[i];
		snprintf(l->row, sizeof(l->row), "%010llx",
		    (unsigned long long)(next(&r) & UINT64_C(0xffffffffff)));
		l->item = next(&r) % ITEMS;
		l->unit = next(&r) % 4 == 0;
		l->qty = 1 + next(&r) % 12;
		l->cents = 50 + next(&r) % 5000;
		v->total += l->qty * l->cents;
	}
}

static void
cents(const char *key, int n)
{
	printf(",\"%s\":%d.%02d", key, n / 100, n % 100);
}

static void
invoice_lines(const struct invoice *v)
{
	const struct line *l;
	int i;

	printf(",\"items\":[");
	for (i = 0; i < v->nlines; i++) {
		l = &v->lines[i];
		printf("%s{\"name\":\"%s\",\"idx\":%d,\"item_code\":"
		    "\"ITEM-%05d\",\"item_name\":\"Φέτα No %d\",\"qty\":%d,"
		    "\"uom\":\"%s\",\"conversion_factor\":1.0",
		    i > 0 ? "," : "", l->row, i + 1, l->item + 1, l->item + 1,
		    l->qty, units[l->unit]);
		cents("rate", l->cents);
		cents("amount", l->qty * l->cents);
		putchar('}');
	}
	putchar(']');
}

/* Each target once, as the producer writes them. */
static void
invoice_links(const struct stream *s, const struct invoice *v)
{
	char name[32];
	int i, k;

	snprintf(name, sizeof(name), "CUST-%04d", v->customer + 1);
	printf(",\"links\":{\"Customer\":{");
	link_to(s, name, CUSTOMER0 + v->customer);
	printf("},\"Item\":{");
	for (i = 0; i < v->nlines; i++) {
		for (k = 0; v->lines[k].item != v->lines[i].item; k++)
			;
		if (k < i)
			continue;
		snprintf(name, sizeof(name), "ITEM-%05d", v->lines[i].item + 1);
		printf(i > 0 ? "," : "");
		link_to(s, name, ITEM0 + v->lines[i].item);
	}
	printf("},\"UOM\":{");
	for (i = 0; i < v->nlines; i++) {
		for (k = 0; v->lines[k].unit != v->lines[i].unit; k++)
			;
		if (k < i)
			continue;
		printf(i > 0 ? "," : "");
		link_to(s, units[v->lines[i].unit], UNIT0 + v->lines[i].unit);
	}
	printf("}}");
}

static void
create(struct stream *s, int64_t n)
{
	struct invoice v;
	char name[32];
	int tax;

	invoice_make(s, n, &v);
	tax = v.total / 100 * 24;
	snprintf(name, sizeof(name), "SINV-%07lld", (long long)n);
	begin(s, INVOICE, n, "Sales Invoice", name);
	printf(",\"customer\":\"CUST-%04d\",\"customer_name\":"
	    "\"Παντοπωλείο %d\",\"company\":\"HQ\",\"posting_date\":"
	    "\"2024-01-%02d\","
	    "\"currency\":\"EUR\",\"conversion_rate\":1.0", v.customer + 1,
	    v.customer + 1, (int)(n % 31) + 1);
	invoice_lines(&v);
	cents("total", v.total);
	cents("total_taxes_and_charges", tax);
	cents("grand_total", v.total + tax);
	printf(",\"status\":\"Draft\",\"external_ref\":\"%020llu\"}",
	    (unsigned long long)hash(s, UPDATE, n));
	if (!s->bare) {
		begin_links(s, INVOICE, n, NULL);
		invoice_links(s, &v);
	}
	finish(s);
}

/* One field and one row of the invoice. */
static void
update(struct stream *s, int64_t n)
{
	char name[32], prev[ID_LEN + 1];
	struct invoice v;
	struct line *l;

	invoice_make(s, n, &v);
	l = &v.lines[n % v.nlines];
	snprintf(name, sizeof(name), "SINV-%07lld", (long long)n);
	id_of(s, INVOICE, n, prev);
	begin(s, UPDATE, n, "Sales Invoice", name);
	printf("{\"changed\":{\"remarks\":\"delivered to door %d\"},"
	    "\"added\":{},\"removed\":{},\"row_changed\":{\"items\":"
	    "[{\"name\":\"%s\",\"qty\":%d}]}}", (int)(n % 100), l->row,
	    l->qty + 1);
	begin_links(s, INVOICE, n, prev);
	finish(s);
}

static int64_t
number(const char *arg)
{
	char *end;
	long long n = strtoll(arg, &end, 10);

	if (*end != '\0' || end == arg || n < 0 || n > INT64_C(1000000000))
		errx(MISUSE, "not a number from 0 to 1000000000: '%s'", arg);
	return n;
}

int
main(int argc, char *argv[])
{
	struct stream s = { 0 };
	int64_t first = 1, i, n;
	bool updates = false;
	int ch;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "df:u")) != -1)
		switch (ch) {
		case 'd':
			s.bare = true;
			break;
		case 'f':
			first = number(optarg);
			break;
		case 'u':
			updates = true;
			break;
		default:
			misuse(usage);
		}
	if (argc - optind != 2 || (s.bare && updates))
		misuse(usage);
	s.seed = number(argv[optind]);
	n = number(argv[optind + 1]);
	id_of(&s, SITE, 0, s.site);
	/* It goes on where the invoices before it, or all of them, ended. */
	if (updates)
		s.from = first > 1 ? time_of(UPDATE, first - 1) :
		    time_of(INVOICE, n);
	else if (first > 1)
		s.from = time_of(INVOICE, first - 1);
	else
		masters(&s);
	for (i = first; i < first + n; i++)
		updates ? update(&s, i) : create(&s, i);
	page(&s);
	if (!s.bare)
		printf("{\"end\":{\"program\":\"events\",\"status\":0}}\n");
	return out_close(DONE);
}
