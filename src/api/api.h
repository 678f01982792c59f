/* api.h - what es-serve answers: Frappe's REST and event streaming endpoints
 * over a site file (spec 1, 2, 8, 9) */

#ifndef ES_API_H
#define ES_API_H

#include "base/base.h"

struct api;
struct api_options {
	const char	*site;		/* its file */
	int64_t		 rate;		/* requests a second of one user */
	/* A known producer says that there is news. */
	void		(*notified)(void *arg);
	void		*arg;
};
/* NULL and a message printed, *status set. */
struct api *api_open(const struct api_options *, int *status);
/* For struct listen_options; the first argument is the api. */
void	 api_handle(void *, const struct request *, struct response *);
void	 api_tick(void *, bool busy);
/* When no stream is open any more. */
void	 api_close(struct api *);

#endif
