/* cppcheck.h - loops of yyjson and of sys/queue.h, for cppcheck, which reads no
 * foreign headers */

#define yyjson_arr_foreach(a, i, n, v) \
	for (i = 0, n = yyjson_arr_size(a), v = yyjson_arr_get(a, 0); i < n; i++)
#define yyjson_mut_arr_foreach(a, i, n, v) \
	for (i = 0, n = yyjson_mut_arr_size(a), v = yyjson_mut_arr_get(a, 0); i < n; i++)
#define yyjson_obj_foreach(o, i, n, k, v) \
	for (i = 0, n = yyjson_obj_size(o), k = first_key(o), v = first(o); i < n; i++)
#define yyjson_mut_obj_foreach(o, i, n, k, v) \
	for (i = 0, n = yyjson_mut_obj_size(o), k = first_key(o), v = first(o); i < n; i++)

#define TAILQ_HEAD(name, type) \
	struct name { struct type *tqh_first; }
#define TAILQ_ENTRY(type) struct { struct type *tqe_next; }
#define TAILQ_FIRST(h) ((h)->tqh_first)
#define TAILQ_FOREACH(v, h, field) \
	for (v = (h)->tqh_first; v; v = v->field.tqe_next)
#define TAILQ_FOREACH_REVERSE(v, h, name, field) TAILQ_FOREACH(v, h, field)
