//go:build loadable

// The entry point, and SQLite's routines as functions: in sqlite3ext.h they are
// macros over a table of pointers, which cgo cannot call.

#include "glue.h"
#include <string.h>
#include "_cgo_export.h"

SQLITE_EXTENSION_INIT1

#define NL_OLDEST 3038000

#ifdef _WIN32
__declspec(dllexport)
#endif
int sqlite3_nearlite_init(sqlite3 *db, char **err, const sqlite3_api_routines *api) {
  nearliteRelease(0); // waits until Go's runtime is up
  nl_give_back_signals();
  // Nothing of the table but its oldest entries may be used before the check. The
  // variable is shared by all threads and always gets the same value.
  if (api->libversion_number() < NL_OLDEST) {
    if (err) *err = api->mprintf("nearlite: this is SQLite %s, want 3.38.0 or newer", api->libversion());
    return SQLITE_ERROR;
  }
  SQLITE_EXTENSION_INIT2(api);
  // A second load would take the first one's place in part: leave all as it is.
  if (nl_has_function(db, "nearlite_version")) return SQLITE_OK;
  return nearliteInit(db, err);
}

int nl_version(void) { return sqlite3_libversion_number(); }
void *nl_malloc(int64_t n) { return sqlite3_malloc64(n > 0 ? n : 1); }
void nl_free(void *p) { sqlite3_free(p); }

int nl_has_function(sqlite3 *db, const char *name) {
  sqlite3_stmt *st = 0;
  int found = 0;
  if (sqlite3_prepare_v2(db, "SELECT 1 FROM pragma_function_list WHERE name = ?1", -1, &st, 0) == SQLITE_OK) {
    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
    found = sqlite3_step(st) == SQLITE_ROW;
  }
  sqlite3_finalize(st);
  return found;
}

int nl_malloc_copy(const void *p, int64_t n, char **out) {
  char *s = sqlite3_malloc64(n + 1);
  if (!s) return SQLITE_NOMEM;
  if (n) memcpy(s, p, n);
  s[n] = 0;
  *out = s;
  return SQLITE_OK;
}

int nl_errcode(sqlite3 *db) { return sqlite3_extended_errcode(db); }
const char *nl_errmsg(sqlite3 *db) { return sqlite3_errmsg(db); }
const char *nl_errstr(int code) { return sqlite3_errstr(code); }
int nl_exec(sqlite3 *db, const char *sql, char **msg) { return sqlite3_exec(db, sql, 0, 0, msg); }
int nl_autocommit(sqlite3 *db) { return sqlite3_get_autocommit(db); }
int64_t nl_last_rowid(sqlite3 *db) { return sqlite3_last_insert_rowid(db); }
void nl_set_last_rowid(sqlite3 *db, int64_t rowid) { sqlite3_set_last_insert_rowid(db, rowid); }
const char *nl_filename(sqlite3 *db, const char *schema) { return sqlite3_db_filename(db, schema); }
int nl_data_version(sqlite3 *db, const char *schema, unsigned int *version) {
  return sqlite3_file_control(db, schema, SQLITE_FCNTL_DATA_VERSION, version);
}
int nl_txn_state(sqlite3 *db) { return sqlite3_txn_state(db, 0); }

// nl_thread tells threads apart.
uintptr_t nl_thread(void) {
  static __thread char here;
  return (uintptr_t)&here;
}

// nl_interrupted is -1 where SQLite cannot tell, and 0 in all threads but the given one.
// The routine is of 3.41, one entry behind the last that the header of 3.40 knows; the
// table only ever grows.
#if SQLITE_VERSION_NUMBER >= 3041000
static int isInterrupted(sqlite3 *db) { return sqlite3_is_interrupted(db); }
#elif SQLITE_VERSION_NUMBER >= 3040000
typedef struct nl_routines {
  sqlite3_api_routines base;
  int (*is_interrupted)(sqlite3 *);
} nl_routines;
static int isInterrupted(sqlite3 *db) { return ((const nl_routines *)sqlite3_api)->is_interrupted(db); }
#else
static int isInterrupted(sqlite3 *db) { return -1; }
#endif

int nl_interrupted(sqlite3 *db, uintptr_t thread) {
  if (thread != nl_thread()) return 0;
  return sqlite3_libversion_number() >= 3041000 ? isInterrupted(db) : -1;
}

// The text of the next running statement after *at; null at the end.
const char *nl_busy_sql(sqlite3 *db, sqlite3_stmt **at) {
  while ((*at = sqlite3_next_stmt(db, *at)) != 0) {
    if (sqlite3_stmt_busy(*at)) {
      const char *sql = sqlite3_sql(*at);
      if (sql) return sql;
    }
  }
  return 0;
}

int nl_prepare(sqlite3 *db, const char *sql, int n, sqlite3_stmt **out) {
  return sqlite3_prepare_v3(db, sql, n, SQLITE_PREPARE_PERSISTENT, out, 0);
}

int nl_bind(sqlite3_stmt *st, int i, int kind, int64_t n, double f, const void *p, int64_t len) {
  switch (kind) {
    case NL_INTEGER: return sqlite3_bind_int64(st, i, n);
    case NL_FLOAT: return sqlite3_bind_double(st, i, f);
    case NL_TEXT: return sqlite3_bind_text64(st, i, p ? p : "", len, SQLITE_TRANSIENT, SQLITE_UTF8);
    case NL_BLOB:
      return len ? sqlite3_bind_blob64(st, i, p, len, SQLITE_TRANSIENT) : sqlite3_bind_zeroblob(st, i, 0);
  }
  return sqlite3_bind_null(st, i);
}

int nl_bind_count(sqlite3_stmt *st) { return sqlite3_bind_parameter_count(st); }
int nl_reset(sqlite3_stmt *st) { return sqlite3_reset(st); }
int nl_finalize(sqlite3_stmt *st) { return sqlite3_finalize(st); }
int nl_columns(sqlite3_stmt *st) { return sqlite3_column_count(st); }
const char *nl_column_name(sqlite3_stmt *st, int i) { return sqlite3_column_name(st, i); }
int nl_readonly(sqlite3_stmt *st) { return sqlite3_stmt_readonly(st); }

void nl_column(sqlite3_stmt *st, int i, nl_value *out) {
  out->subtype = 0;
  switch (sqlite3_column_type(st, i)) {
    case SQLITE_INTEGER: out->kind = NL_INTEGER; out->i = sqlite3_column_int64(st, i); return;
    case SQLITE_FLOAT: out->kind = NL_FLOAT; out->f = sqlite3_column_double(st, i); return;
    case SQLITE_TEXT:
      out->kind = NL_TEXT; out->p = sqlite3_column_text(st, i); out->n = sqlite3_column_bytes(st, i); return;
    case SQLITE_BLOB:
      out->kind = NL_BLOB; out->p = sqlite3_column_blob(st, i); out->n = sqlite3_column_bytes(st, i); return;
  }
  out->kind = NL_NULL;
}

// nl_step also reads the first n columns of the row: asking for each is a call from Go.
int nl_step(sqlite3_stmt *st, nl_value *row, int n) {
  int rc = sqlite3_step(st);
  if (rc == SQLITE_ROW)
    for (int i = 0; i < n; i++) nl_column(st, i, &row[i]);
  return rc;
}

int nl_blob_open(sqlite3 *db, const char *schema, const char *table, const char *column, int64_t rowid, sqlite3_blob **out, int *size) {
  int rc = sqlite3_blob_open(db, schema, table, column, rowid, 0, out);
  if (rc == SQLITE_OK) *size = sqlite3_blob_bytes(*out);
  return rc;
}
int nl_blob_read(sqlite3_blob *b, void *p, int n, int offset) { return sqlite3_blob_read(b, p, n, offset); }
int nl_blob_reopen(sqlite3_blob *b, int64_t rowid, int *size) {
  int rc = sqlite3_blob_reopen(b, rowid);
  if (rc == SQLITE_OK) *size = sqlite3_blob_bytes(b);
  return rc;
}
int nl_blob_close(sqlite3_blob *b) { return sqlite3_blob_close(b); }

static void loadValue(sqlite3_value *v, nl_value *out) {
  out->subtype = 0;
  switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER: out->kind = NL_INTEGER; out->i = sqlite3_value_int64(v); return;
    case SQLITE_FLOAT: out->kind = NL_FLOAT; out->f = sqlite3_value_double(v); return;
    case SQLITE_TEXT:
      out->kind = NL_TEXT; out->p = sqlite3_value_text(v); out->n = sqlite3_value_bytes(v); return;
    case SQLITE_BLOB:
      out->kind = NL_BLOB; out->p = sqlite3_value_blob(v); out->n = sqlite3_value_bytes(v); return;
  }
  out->kind = NL_NULL;
}

// Arguments of most calls fit on the stack.
#define NL_STACK 12

nl_value *nl_load(int n, sqlite3_value **args, nl_value *stack) {
  nl_value *v = n <= NL_STACK ? stack : sqlite3_malloc64(n * sizeof(nl_value));
  if (v) for (int i = 0; i < n; i++) loadValue(args[i], &v[i]);
  return v;
}

void nl_result(sqlite3_context *ctx, int kind, int64_t i, double f, const void *p, int64_t n) {
  switch (kind) {
    case NL_INTEGER: sqlite3_result_int64(ctx, i); return;
    case NL_FLOAT: sqlite3_result_double(ctx, f); return;
    case NL_TEXT: sqlite3_result_text64(ctx, n ? p : "", n, SQLITE_TRANSIENT, SQLITE_UTF8); return;
    case NL_BLOB:
      if (n) sqlite3_result_blob64(ctx, p, n, SQLITE_TRANSIENT);
      else sqlite3_result_zeroblob(ctx, 0);
      return;
    case NL_SET: return;
  }
  sqlite3_result_null(ctx);
}

void nl_result_error(sqlite3_context *ctx, const char *p, int n, int code) {
  sqlite3_result_error(ctx, p, n);
  if (code != SQLITE_ERROR) sqlite3_result_error_code(ctx, code);
}
void nl_result_subtype(sqlite3_context *ctx, unsigned t) { sqlite3_result_subtype(ctx, t); }

static void releasePointer(void *p) { nearliteRelease((uintptr_t)p); }
uintptr_t nl_auxdata(sqlite3_context *ctx, int arg) { return (uintptr_t)sqlite3_get_auxdata(ctx, arg); }
void nl_set_auxdata(sqlite3_context *ctx, int arg, uintptr_t handle) {
  sqlite3_set_auxdata(ctx, arg, (void *)handle, releasePointer);
}

static void call(sqlite3_context *ctx, int n, sqlite3_value **args) {
  nl_value stack[NL_STACK], out = {0};
  nl_value *v = nl_load(n, args, stack);
  if (!v) { sqlite3_result_error_nomem(ctx); return; }
  for (int i = 0; i < n; i++) v[i].subtype = sqlite3_value_subtype(args[i]);
  nearliteCall((uintptr_t)sqlite3_user_data(ctx), ctx, n, v, &out);
  nl_result(ctx, out.kind, out.i, out.f, 0, 0);
  if (v != stack) sqlite3_free(v);
}

int nl_create_function(sqlite3 *db, const char *name, int narg, int flags, uintptr_t handle) {
  return sqlite3_create_function_v2(db, name, narg, SQLITE_UTF8 | flags, (void *)handle, call, 0, 0, releasePointer);
}

// An aggregation is known by a handle in the memory that SQLite keeps for it; zero
// before its first row.
static void aggregateRow(sqlite3_context *ctx, int n, sqlite3_value **args, int inverse) {
  uintptr_t *state = sqlite3_aggregate_context(ctx, sizeof(*state));
  nl_value stack[NL_STACK];
  nl_value *v = nl_load(n, args, stack);
  if (!state || !v) { sqlite3_result_error_nomem(ctx); return; }
  if (!*state) *state = nearliteAggregateNew((uintptr_t)sqlite3_user_data(ctx), ctx);
  if (*state) nearliteAggregateRow(*state, ctx, n, v, inverse);
  if (v != stack) sqlite3_free(v);
}
static void aggregateStep(sqlite3_context *ctx, int n, sqlite3_value **args) { aggregateRow(ctx, n, args, 0); }
static void aggregateInverse(sqlite3_context *ctx, int n, sqlite3_value **args) { aggregateRow(ctx, n, args, 1); }

static void aggregateValue(sqlite3_context *ctx) {
  uintptr_t *state = sqlite3_aggregate_context(ctx, sizeof(*state));
  nl_value out = {0};
  if (!state) { sqlite3_result_error_nomem(ctx); return; }
  if (!*state) *state = nearliteAggregateNew((uintptr_t)sqlite3_user_data(ctx), ctx);
  if (!*state) return;
  nearliteAggregateValue(*state, ctx, &out);
  nl_result(ctx, out.kind, out.i, out.f, 0, 0);
}
static void aggregateFinal(sqlite3_context *ctx) {
  uintptr_t *state = sqlite3_aggregate_context(ctx, sizeof(*state));
  aggregateValue(ctx);
  if (state && *state) { nearliteRelease(*state); *state = 0; }
}

int nl_create_aggregate(sqlite3 *db, const char *name, int narg, int flags, uintptr_t handle) {
  return sqlite3_create_window_function(db, name, narg, SQLITE_UTF8 | flags, (void *)handle, aggregateStep,
                                        aggregateFinal, aggregateValue, aggregateInverse, releasePointer);
}

int nl_declare(sqlite3 *db, const char *sql) { return sqlite3_declare_vtab(db, sql); }
int nl_innocuous(sqlite3 *db) { return sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS); }
int nl_constraint_support(sqlite3 *db) { return sqlite3_vtab_config(db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1); }
int nl_on_conflict(sqlite3 *db) { return sqlite3_vtab_on_conflict(db); }

int nl_rhs(sqlite3_index_info *info, int i, nl_value *out) {
  sqlite3_value *v = 0;
  int rc = sqlite3_vtab_rhs_value(info, i, &v);
  if (rc == SQLITE_OK && v) loadValue(v, out);
  return rc;
}
int nl_in(sqlite3_index_info *info, int i, int use) { return sqlite3_vtab_in(info, i, use); }
int nl_in_next(sqlite3_value *list, int first, nl_value *out) {
  sqlite3_value *v = 0;
  int rc = first ? sqlite3_vtab_in_first(list, &v) : sqlite3_vtab_in_next(list, &v);
  if (rc == SQLITE_OK && v) loadValue(v, out);
  return rc;
}
