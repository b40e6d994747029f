//go:build loadable

// What the Go side sees of SQLite and of the C side.

#ifndef NEARLITE_GLUE_H
#define NEARLITE_GLUE_H

#include <stdint.h>
#include <stdlib.h>
#include <sqlite3ext.h>

// Kinds of an nl_value; the first six are host.Kind.
enum { NL_NULL, NL_INTEGER, NL_FLOAT, NL_TEXT, NL_BLOB, NL_DEFERRED, NL_SET };

// One SQL value. As a result, NL_SET says that the Go side delivered it already.
typedef struct nl_value {
  int kind;
  int subtype;
  int64_t i;
  double f;
  const void *p;  // of text and blobs; borrowed
  int64_t n;
} nl_value;

// A cursor and the batch of rows it serves. rowids, values and bytes are one
// allocation each, filled by Go; values[].p point into bytes.
typedef struct nl_cursor {
  sqlite3_vtab_cursor base;
  uintptr_t handle;
  int at, rows, columns;
  int rowCap, valueCap;
  int64_t byteCap;
  int64_t *rowids;
  nl_value *values;
  char *bytes;
} nl_cursor;

// One call of BestIndex, flattened, so that Go walks no C unions.
typedef struct nl_plan {
  sqlite3_index_info *info;
  int num;
  const char *str;  // copied
  int64_t strLen;
  int unique, ordered;
  double cost;
  int64_t rows;
} nl_plan;

int nl_version(void);
int nl_has_function(sqlite3 *db, const char *name);
void nl_give_back_signals(void);
int nl_malloc_copy(const void *p, int64_t n, char **out);
void *nl_malloc(int64_t n);

int nl_errcode(sqlite3 *db);
const char *nl_errmsg(sqlite3 *db);
const char *nl_errstr(int code);
int nl_exec(sqlite3 *db, const char *sql, char **msg);
void nl_free(void *p);
int nl_autocommit(sqlite3 *db);
int64_t nl_last_rowid(sqlite3 *db);
void nl_set_last_rowid(sqlite3 *db, int64_t rowid);
const char *nl_filename(sqlite3 *db, const char *schema);
int nl_data_version(sqlite3 *db, const char *schema, unsigned int *version);
int nl_txn_state(sqlite3 *db);
uintptr_t nl_thread(void);
int nl_interrupted(sqlite3 *db, uintptr_t thread);
const char *nl_busy_sql(sqlite3 *db, sqlite3_stmt **at);

int nl_prepare(sqlite3 *db, const char *sql, int n, sqlite3_stmt **out);
int nl_bind(sqlite3_stmt *st, int i, int kind, int64_t n, double f, const void *p, int64_t len);
int nl_bind_count(sqlite3_stmt *st);
int nl_step(sqlite3_stmt *st, nl_value *row, int n);
int nl_reset(sqlite3_stmt *st);
int nl_finalize(sqlite3_stmt *st);
int nl_columns(sqlite3_stmt *st);
const char *nl_column_name(sqlite3_stmt *st, int i);
void nl_column(sqlite3_stmt *st, int i, nl_value *out);
int nl_readonly(sqlite3_stmt *st);

int nl_blob_open(sqlite3 *db, const char *schema, const char *table, const char *column, int64_t rowid, sqlite3_blob **out, int *size);
int nl_blob_read(sqlite3_blob *b, void *p, int n, int offset);
int nl_blob_reopen(sqlite3_blob *b, int64_t rowid, int *size);
int nl_blob_close(sqlite3_blob *b);

int nl_create_function(sqlite3 *db, const char *name, int narg, int flags, uintptr_t handle);
int nl_create_aggregate(sqlite3 *db, const char *name, int narg, int flags, uintptr_t handle);
int nl_create_module(sqlite3 *db, const char *name, int hasCreate, int writable, const char *suffixes, uintptr_t handle);
void nl_result(sqlite3_context *ctx, int kind, int64_t i, double f, const void *p, int64_t n);
void nl_result_error(sqlite3_context *ctx, const char *p, int n, int code);
void nl_result_subtype(sqlite3_context *ctx, unsigned t);
uintptr_t nl_auxdata(sqlite3_context *ctx, int arg);
void nl_set_auxdata(sqlite3_context *ctx, int arg, uintptr_t handle);

int nl_declare(sqlite3 *db, const char *sql);
int nl_innocuous(sqlite3 *db);
int nl_constraint_support(sqlite3 *db);
int nl_on_conflict(sqlite3 *db);
int nl_rhs(sqlite3_index_info *info, int i, nl_value *out);
int nl_in(sqlite3_index_info *info, int i, int use);
int nl_in_next(sqlite3_value *list, int first, nl_value *out);
int nl_constraint_op(sqlite3_index_info *info, int i, int *column, int *usable);
int nl_order_by(sqlite3_index_info *info, int i, int *column);
void nl_usage(sqlite3_index_info *info, int i, int argv, int omit);
int nl_reserve(nl_cursor *c, int rows, int columns, int64_t bytes);

#endif
