//go:build loadable

// Virtual tables: SQLite's methods, and the cursor that serves rows from a batch.

#include "glue.h"
#include <string.h>
#include "_cgo_export.h"

SQLITE_EXTENSION_INIT3

// sqlite3_module as of SQLite 3.44, whatever the header's version.
typedef struct nl_methods {
  sqlite3_module base;
#if SQLITE_VERSION_NUMBER < 3044000
  int (*xIntegrity)(sqlite3_vtab *, const char *, const char *, int, char **);
#endif
} nl_methods;

typedef struct nl_module {
  nl_methods methods;  // first: the module's address is theirs
  uintptr_t handle;
} nl_module;

typedef struct nl_vtab {
  sqlite3_vtab base;
  uintptr_t handle;
} nl_vtab;

nl_value *nl_load(int n, sqlite3_value **args, nl_value *stack);
#define NL_STACK 12

// fail hands a message from Go to the table.
static int fail(sqlite3_vtab *t, int rc, char *msg) {
  if (msg) {
    sqlite3_free(t->zErrMsg);
    t->zErrMsg = msg;
  }
  return rc;
}

static int construct(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **err, int create) {
  nl_vtab *t = sqlite3_malloc64(sizeof(*t));
  if (!t) return SQLITE_NOMEM;
  memset(t, 0, sizeof(*t));
  int rc = nearliteConstruct(((nl_module *)aux)->handle, argc, (char **)argv, create, &t->handle, err);
  if (rc != SQLITE_OK) { sqlite3_free(t); return rc; }
  *out = &t->base;
  return SQLITE_OK;
}
static int xCreate(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **err) {
  return construct(db, aux, argc, argv, out, err, 1);
}
static int xConnect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **err) {
  return construct(db, aux, argc, argv, out, err, 0);
}

static int xDisconnect(sqlite3_vtab *v) {
  nl_vtab *t = (nl_vtab *)v;
  nearliteClose(t->handle);
  nearliteRelease(t->handle);
  sqlite3_free(t);
  return SQLITE_OK;
}

// A table whose destruction failed stays, and SQLite uses it on.
static int xDestroy(sqlite3_vtab *v) {
  nl_vtab *t = (nl_vtab *)v;
  char *msg = 0;
  int rc = nearliteHook(t->handle, 'D', 0, 0, &msg);
  if (rc != SQLITE_OK) return fail(v, rc, msg);
  nearliteRelease(t->handle);
  sqlite3_free(t);
  return SQLITE_OK;
}

static int xBestIndex(sqlite3_vtab *v, sqlite3_index_info *info) {
  nl_plan plan = {.info = info, .cost = info->estimatedCost, .rows = info->estimatedRows};
  char *msg = 0;
  int rc = nearliteBestIndex(((nl_vtab *)v)->handle, &plan, &msg);
  if (rc != SQLITE_OK) return fail(v, rc, msg);
  info->idxNum = plan.num;
  info->idxStr = (char *)plan.str;
  info->needToFreeIdxStr = 1;
  info->orderByConsumed = plan.ordered;
  info->estimatedCost = plan.cost;
  info->estimatedRows = plan.rows;
  if (plan.unique) info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
  return SQLITE_OK;
}

int nl_constraint_op(sqlite3_index_info *info, int i, int *column, int *usable) {
  *column = info->aConstraint[i].iColumn;
  *usable = info->aConstraint[i].usable;
  return info->aConstraint[i].op;
}
int nl_order_by(sqlite3_index_info *info, int i, int *column) {
  *column = info->aOrderBy[i].iColumn;
  return info->aOrderBy[i].desc;
}
void nl_usage(sqlite3_index_info *info, int i, int argv, int omit) {
  info->aConstraintUsage[i].argvIndex = argv;
  info->aConstraintUsage[i].omit = omit;
}

static int xOpen(sqlite3_vtab *v, sqlite3_vtab_cursor **out) {
  nl_cursor *c = sqlite3_malloc64(sizeof(*c));
  char *msg = 0;
  if (!c) return SQLITE_NOMEM;
  memset(c, 0, sizeof(*c));
  int rc = nearliteOpen(((nl_vtab *)v)->handle, &c->handle, &msg);
  if (rc != SQLITE_OK) { sqlite3_free(c); return fail(v, rc, msg); }
  *out = &c->base;
  return SQLITE_OK;
}

static int xClose(sqlite3_vtab_cursor *cur) {
  nl_cursor *c = (nl_cursor *)cur;
  nearliteCursorClose(c->handle);
  nearliteRelease(c->handle);
  sqlite3_free(c->rowids);
  sqlite3_free(c->values);
  sqlite3_free(c->bytes);
  sqlite3_free(c);
  return SQLITE_OK;
}

// nl_reserve makes room for a batch; what was there is lost.
int nl_reserve(nl_cursor *c, int rows, int columns, int64_t bytes) {
  int64_t values = (int64_t)rows * columns;
  if (values > 0x7fffffff) return SQLITE_TOOBIG;
  if (rows > c->rowCap) {
    sqlite3_free(c->rowids);
    c->rowCap = 0;
    if (!(c->rowids = sqlite3_malloc64(rows * sizeof(int64_t)))) return SQLITE_NOMEM;
    c->rowCap = rows;
  }
  if (values > c->valueCap) {
    sqlite3_free(c->values);
    c->valueCap = 0;
    if (!(c->values = sqlite3_malloc64(values * sizeof(nl_value)))) return SQLITE_NOMEM;
    c->valueCap = values;
  }
  if (bytes > c->byteCap) {
    sqlite3_free(c->bytes);
    c->byteCap = 0;
    if (!(c->bytes = sqlite3_malloc64(bytes))) return SQLITE_NOMEM;
    c->byteCap = bytes;
  }
  c->columns = columns;
  return SQLITE_OK;
}

static int xFilter(sqlite3_vtab_cursor *cur, int num, const char *str, int argc, sqlite3_value **argv) {
  nl_cursor *c = (nl_cursor *)cur;
  nl_value stack[NL_STACK];
  nl_value *v = nl_load(argc, argv, stack);
  char *msg = 0;
  if (!v) return SQLITE_NOMEM;
  c->at = c->rows = 0;
  int rc = nearliteFilter(c->handle, c, num, (char *)str, argc, v, argv, &msg);
  if (v != stack) sqlite3_free(v);
  if (rc != SQLITE_OK) { c->rows = 0; return fail(cur->pVtab, rc, msg); }
  return SQLITE_OK;
}

static int xNext(sqlite3_vtab_cursor *cur) {
  nl_cursor *c = (nl_cursor *)cur;
  if (++c->at < c->rows) return SQLITE_OK;
  char *msg = 0;
  c->at = c->rows = 0;
  int rc = nearliteFill(c->handle, c, &msg);
  if (rc != SQLITE_OK) { c->rows = 0; return fail(cur->pVtab, rc, msg); }
  return SQLITE_OK;
}

static int xEof(sqlite3_vtab_cursor *cur) {
  nl_cursor *c = (nl_cursor *)cur;
  return c->at >= c->rows;
}

static int xRowid(sqlite3_vtab_cursor *cur, sqlite3_int64 *out) {
  nl_cursor *c = (nl_cursor *)cur;
  if (c->at >= c->rows) return SQLITE_ERROR;
  *out = c->rowids[c->at];
  return SQLITE_OK;
}

static int xColumn(sqlite3_vtab_cursor *cur, sqlite3_context *ctx, int i) {
  nl_cursor *c = (nl_cursor *)cur;
  if (c->at >= c->rows || i < 0 || i >= c->columns) { sqlite3_result_null(ctx); return SQLITE_OK; }
  nl_value *v = &c->values[(int64_t)c->at * c->columns + i];
  if (v->kind == NL_DEFERRED) {
    char *msg = 0;
    int rc = nearliteLate(c->handle, ctx, c->rowids[c->at], i, &msg);
    return rc == SQLITE_OK ? rc : fail(cur->pVtab, rc, msg);
  }
  nl_result(ctx, v->kind, v->i, v->f, v->p, v->n);
  return SQLITE_OK;
}

static int xUpdate(sqlite3_vtab *v, int argc, sqlite3_value **argv, sqlite3_int64 *rowid) {
  nl_value stack[NL_STACK];
  nl_value *args = nl_load(argc, argv, stack);
  char *msg = 0;
  int64_t id = 0;
  if (!args) return SQLITE_NOMEM;
  int rc = nearliteUpdate(((nl_vtab *)v)->handle, argc, args, &id, &msg);
  if (args != stack) sqlite3_free(args);
  if (rc != SQLITE_OK) return fail(v, rc, msg);
  *rowid = id;
  return SQLITE_OK;
}

static int hook(sqlite3_vtab *v, int which, int n, const char *name) {
  char *msg = 0;
  int rc = nearliteHook(((nl_vtab *)v)->handle, which, n, (char *)name, &msg);
  return rc == SQLITE_OK ? rc : fail(v, rc, msg);
}
static int xBegin(sqlite3_vtab *v) { return hook(v, 'B', 0, 0); }
static int xSync(sqlite3_vtab *v) { return hook(v, 'S', 0, 0); }
static int xCommit(sqlite3_vtab *v) { return hook(v, 'C', 0, 0); }
static int xRollback(sqlite3_vtab *v) { return hook(v, 'R', 0, 0); }
static int xRename(sqlite3_vtab *v, const char *name) { return hook(v, 'N', 0, name); }
static int xSavepoint(sqlite3_vtab *v, int n) { return hook(v, 's', n, 0); }
static int xRelease(sqlite3_vtab *v, int n) { return hook(v, 'r', n, 0); }
static int xRollbackTo(sqlite3_vtab *v, int n) { return hook(v, 't', n, 0); }

static int xIntegrity(sqlite3_vtab *v, const char *schema, const char *table, int flags, char **out) {
  return nearliteIntegrity(((nl_vtab *)v)->handle, (char *)schema, (char *)table, flags, out);
}

// xShadowName gets no hint of the module it is asked about, so every kind of table
// needs a function of its own. Only CREATE and DEFENSIVE mode depend on it.
#define NL_SHADOW_SLOTS 4
static struct { char name[32]; char suffixes[256]; } shadows[NL_SHADOW_SLOTS];

static int shadowOf(int slot, const char *suffix) {
  for (const char *s = shadows[slot].suffixes; *s; s += strlen(s) + 1)
    if (sqlite3_stricmp(s, suffix) == 0) return 1;
  return 0;
}
static int shadow0(const char *s) { return shadowOf(0, s); }
static int shadow1(const char *s) { return shadowOf(1, s); }
static int shadow2(const char *s) { return shadowOf(2, s); }
static int shadow3(const char *s) { return shadowOf(3, s); }
static int (*const shadowFunctions[NL_SHADOW_SLOTS])(const char *) = {shadow0, shadow1, shadow2, shadow3};

// shadowSlot finds or fills the slot of a module. suffixes are separated by commas.
static int (*shadowSlot(const char *module, const char *suffixes))(const char *) {
  int (*found)(const char *) = 0;
  sqlite3_mutex *m = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_MAIN);
  sqlite3_mutex_enter(m);
  for (int i = 0; i < NL_SHADOW_SLOTS && !found; i++) {
    if (!shadows[i].name[0]) {
      size_t n = strlen(suffixes);
      if (strlen(module) >= sizeof shadows[i].name || n + 2 > sizeof shadows[i].suffixes) break;
      for (size_t j = 0; j < n; j++) shadows[i].suffixes[j] = suffixes[j] == ',' ? 0 : suffixes[j];
      strcpy(shadows[i].name, module);
    }
    if (strcmp(shadows[i].name, module) == 0) found = shadowFunctions[i];
  }
  sqlite3_mutex_leave(m);
  return found;
}

static void releaseModule(void *p) {
  nearliteRelease(((nl_module *)p)->handle);
  sqlite3_free(p);
}

int nl_create_module(sqlite3 *db, const char *name, int hasCreate, int writable, const char *suffixes, uintptr_t handle) {
  nl_module *m = sqlite3_malloc64(sizeof(*m));
  if (!m) { nearliteRelease(handle); return SQLITE_NOMEM; }
  memset(m, 0, sizeof(*m));
  m->handle = handle;
  sqlite3_module *x = &m->methods.base;
  x->iVersion = 1;
  x->xCreate = hasCreate ? xCreate : 0;
  x->xConnect = xConnect;
  x->xBestIndex = xBestIndex;
  x->xDisconnect = xDisconnect;
  x->xDestroy = xDisconnect;
  x->xOpen = xOpen;
  x->xClose = xClose;
  x->xFilter = xFilter;
  x->xNext = xNext;
  x->xEof = xEof;
  x->xColumn = xColumn;
  x->xRowid = xRowid;
  if (writable) {
    x->iVersion = 3;
    x->xDestroy = xDestroy;
    x->xUpdate = xUpdate;
    x->xBegin = xBegin;
    x->xSync = xSync;
    x->xCommit = xCommit;
    x->xRollback = xRollback;
    x->xRename = xRename;
    x->xSavepoint = xSavepoint;
    x->xRelease = xRelease;
    x->xRollbackTo = xRollbackTo;
    if (*suffixes && !(x->xShadowName = shadowSlot(name, suffixes))) {
      releaseModule(m);
      return SQLITE_INTERNAL;
    }
    if (sqlite3_libversion_number() >= 3044000) {
      x->iVersion = 4;
#if SQLITE_VERSION_NUMBER < 3044000
      m->methods.xIntegrity = xIntegrity;
#else
      x->xIntegrity = xIntegrity;
#endif
    }
  }
  return sqlite3_create_module_v2(db, name, x, m, releaseModule);
}
