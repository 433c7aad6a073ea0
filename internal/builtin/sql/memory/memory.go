// Package memory bounds what SQLite allocates for one connection. SQLite has bounds for one
// value and for all connections together, and none for a statement: what it gathers
// (json_group_array), sorts or keeps in temporary tables grows until there is no memory.
// builtin/sql opens an account for each connection that runs a client's statement; all other
// connections allocate as before.
//
// It puts itself before SQLite's own allocator (SQLITE_CONFIG_MALLOC,
// https://sqlite.org/c3ref/c_config_covering_index_scan.html), which is possible only before SQLite
// is first used. So it is in place before main begins: packages are initialised in the order of their
// paths (Go's specification, "Program initialization"), and this one imports none that uses SQLite.
package memory

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// Together bounds all accounts of this process, in bytes.
const Together = 512 << 20

// ErrUnbounded is that of a connection whose memory cannot be bounded.
var ErrUnbounded = errors.New("the memory of SQLite cannot be bounded in this build")

// Account is what one connection has allocated. Its connection may be used by one goroutine
// at a time; Refused may be asked by any.
type Account struct {
	key     uintptr // of the thread that the driver made for the connection
	most    int64   // bytes
	used    atomic.Int64
	refused atomic.Bool
}

// allocator is SQLite's own, behind the accounts.
type allocator struct {
	own  sqlite3.Tsqlite3_mem_methods
	open atomic.Int64 // accounts
	used atomic.Int64 // bytes of all of them
	all  sync.Map     // uintptr to *Account

	// What SQLite calls, which nothing but this holds.
	malloc  func(tls *libc.TLS, n int32) uintptr
	realloc func(tls *libc.TLS, p uintptr, n int32) uintptr
	free    func(tls *libc.TLS, p uintptr)
	placed  bool // SQLite calls them
}

//nolint:gochecknoglobals // SQLite has one allocator for the whole process, chosen before its first use
var accounts = place()

// place puts the accounts before SQLite's allocator.
func place() *allocator {
	a := &allocator{}
	tls := libc.NewTLS()
	defer tls.Close()
	at := libc.Xmalloc(tls, types.Size_t(unsafe.Sizeof(uint64(0))))
	if at == 0 {
		return a
	}
	defer libc.Xfree(tls, at)
	config := func(op int32, methods *sqlite3.Tsqlite3_mem_methods) bool {
		return sqlite3.Xsqlite3_config(tls, op, libc.VaList(at, uintptr(unsafe.Pointer(methods)))) == sqlite3.SQLITE_OK //nolint:gosec // SQLite copies it before it returns
	}
	if !config(sqlite3.SQLITE_CONFIG_GETMALLOC, &a.own) {
		return a
	}
	a.interpose()
	with := a.own
	with.FxMalloc, with.FxRealloc, with.FxFree = pointer(&a.malloc), pointer(&a.realloc), pointer(&a.free)
	a.placed = config(sqlite3.SQLITE_CONFIG_MALLOC, &with)
	return a
}

// interpose makes what SQLite calls in place of its own functions.
func (a *allocator) interpose() {
	malloc, realloc := call[func(*libc.TLS, int32) uintptr](a.own.FxMalloc), call[func(*libc.TLS, uintptr, int32) uintptr](a.own.FxRealloc)
	free, size := call[func(*libc.TLS, uintptr)](a.own.FxFree), call[func(*libc.TLS, uintptr) int32](a.own.FxSize)
	a.malloc = func(tls *libc.TLS, n int32) uintptr {
		of := a.account(tls)
		if of == nil {
			return malloc(tls, n)
		}
		if !a.take(of, int64(n)) {
			return 0
		}
		p := malloc(tls, n)
		if p == 0 {
			a.give(of, int64(n))
		}
		return p
	}
	a.realloc = func(tls *libc.TLS, p uintptr, n int32) uintptr {
		of := a.account(tls)
		if of == nil {
			return realloc(tls, p, n)
		}
		more := int64(n) - int64(size(tls, p))
		if !a.take(of, more) {
			return 0
		}
		to := realloc(tls, p, n)
		if to == 0 {
			a.give(of, more)
		}
		return to
	}
	a.free = func(tls *libc.TLS, p uintptr) {
		if of := a.account(tls); of != nil {
			a.give(of, int64(size(tls, p)))
		}
		free(tls, p)
	}
}

// account is that of a thread, nil for none.
func (a *allocator) account(tls *libc.TLS) *Account {
	if a.open.Load() == 0 {
		return nil
	}
	of, ok := a.all.Load(uintptr(unsafe.Pointer(tls))) //nolint:gosec // a name, nothing is read by it
	if !ok {
		return nil
	}
	return of.(*Account)
}

// take counts n bytes, unless that is more than there may be. Fewer than none always may be.
func (a *allocator) take(of *Account, n int64) bool {
	own, all := of.used.Add(n), a.used.Add(n)
	if n > 0 && (own > of.most || all > Together) {
		of.refused.Store(true)
		a.give(of, n)
		return false
	}
	return true
}

func (a *allocator) give(of *Account, n int64) {
	of.used.Add(-n)
	a.used.Add(-n)
}

// Open makes an account for a connection of the driver, as sql.Conn.Raw gives it, that may
// allocate so many bytes from now on. It has to be closed after the connection is.
func Open(conn any, most int64) (*Account, error) {
	v := reflect.Indirect(reflect.ValueOf(conn))
	if !accounts.placed || v.Kind() != reflect.Struct {
		return nil, ErrUnbounded
	}
	// The driver keeps it to itself. Its address alone is taken, as a name.
	tls := v.FieldByName("tls")
	if !tls.IsValid() || tls.Type() != reflect.TypeFor[*libc.TLS]() || tls.IsNil() {
		return nil, ErrUnbounded
	}
	of := &Account{key: tls.Pointer(), most: most}
	if _, twice := accounts.all.LoadOrStore(of.key, of); twice {
		return nil, ErrUnbounded
	}
	accounts.open.Add(1)
	return of, nil
}

// Close ends the account. Whatever its connection holds still is not counted any more.
func (of *Account) Close() {
	accounts.all.Delete(of.key)
	accounts.open.Add(-1)
	accounts.used.Add(-of.used.Load())
}

// Refused tells whether the connection was denied memory.
func (of *Account) Refused() bool { return of.refused.Load() }

// pointer is a function as code that was C calls it, and call the other way round: its
// pointer is what a variable of it holds (https://go.dev/s/go11func). The driver does the
// same for all that it gives to SQLite.
func pointer[F any](f *F) uintptr {
	return *(*uintptr)(unsafe.Pointer(f)) //nolint:gosec // the allocator holds f for good
}

func call[F any](p uintptr) F {
	return *(*F)(unsafe.Pointer(&p)) //nolint:gosec // SQLite's own, a function of the program
}
