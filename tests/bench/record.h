/* record.h - what was asked of SQLite, one call after another: written by
 * record, done again by replay */

#ifndef RECORD_H
#define RECORD_H

#include <stdint.h>

enum call {
	C_OPEN,			/* value: the flags */
	C_EXEC,			/* text: a script */
	C_PREPARE,		/* text: a statement; value: the flags */
	C_INT, C_TEXT, C_NULL,	/* a bound value */
	C_AGAIN,		/* C_TEXT, the long text bound last */
	C_STEP, C_RESET, C_FINALIZE
};

/* In the file the text, if it has one, follows with a NUL. */
struct call_head {
	uint8_t		 call, arg;	/* arg: which parameter */
	uint16_t	 stmt;
	uint32_t	 len;
	union {
		int64_t		 value;
		const char	*text;		/* once it is in memory */
	};
};

enum { C_LONG = 256 };		/* from so many bytes a text is a long one */

#endif
