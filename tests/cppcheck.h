/* cppcheck.h - yyjson's loops, for cppcheck, which reads no foreign headers */

#define yyjson_arr_foreach(a, i, n, v) \
	for (i = 0, n = yyjson_arr_size(a), v = yyjson_arr_get(a, 0); i < n; i++)
#define yyjson_mut_arr_foreach(a, i, n, v) \
	for (i = 0, n = yyjson_mut_arr_size(a), v = yyjson_mut_arr_get(a, 0); i < n; i++)
#define yyjson_obj_foreach(o, i, n, k, v) \
	for (i = 0, n = yyjson_obj_size(o), k = first_key(o), v = first(o); i < n; i++)
#define yyjson_mut_obj_foreach(o, i, n, k, v) \
	for (i = 0, n = yyjson_mut_obj_size(o), k = first_key(o), v = first(o); i < n; i++)
