/* expr.h - what expr.c reads and eval.c runs, and nobody else */

#ifndef ES_EXPR_H
#define ES_EXPR_H

#include "model/model.h"

/* A Python value.  Whole numbers that no int64 holds keep their digits. */
struct value {
	enum { V_NONE, V_BOOL, V_INT, V_BIG, V_FLOAT, V_STR, V_LIST, V_DICT }
		 type;
	union {
		bool		 b;
		int64_t		 i;
		double		 f;
		size_t		 len;	/* of s, v */
	};
	union {
		const char	*s;	/* V_STR, V_BIG */
		struct value	*v;	/* V_LIST */
		yyjson_mut_val	*json;	/* V_DICT */
	};
};

enum op {
	O_EQ, O_NE, O_LT, O_LE, O_GT, O_GE, O_IN, O_NOT_IN, O_IS, O_IS_NOT,
	O_ADD, O_SUB, O_MUL, O_DIV, O_FLOOR, O_MOD, O_NEG, O_POS
};

enum call {
	/* functions */
	C_LEN, C_STR, C_INT, C_FLOAT, C_SUM, C_ANY, C_ALL,
	C_NOWDATE, C_NOW, C_GETDATE, C_FLT, C_CINT, C_ADD_DAYS,
	C_GET_VALUE, C_EXISTS, C_COUNT,
	/* methods, of kid[0] */
	C_LOWER, C_UPPER, C_STRIP, C_STARTSWITH, C_ENDSWITH, C_GET
};

struct node {
	enum {
		N_CONST, N_DOC, N_ROW, N_FIELD, N_LIST, N_DICT, N_EACH, N_CALL,
		N_NOT, N_AND, N_OR, N_IF, N_COMPARE, N_BINARY, N_SIGN
	}		 type;
	struct value	 k;		/* N_CONST */
	const char	*name;		/* N_FIELD: of kid[0]; N_ROW */
	size_t		 len;
	bool		 known;		/* N_FIELD: the DocType has it */
	bool		 numeric;	/* so, and it is a number: not set, it is 0 */
	int		 row;		/* N_ROW, N_EACH: which variable */
	enum op		*ops;		/* N_COMPARE: between kids; else one */
	enum call	 call;
	struct node	**kid;		/* N_EACH: over, what, if (or NULL) */
	int		 n;
};

enum { ROWS_MAX = 8 };			/* variables of an expression */

struct expr {
	struct arena	 mem;
	struct node	*top;
	bool		 plain;		/* asks nothing of the site */
	int		 rows;		/* variables */
};

#endif
