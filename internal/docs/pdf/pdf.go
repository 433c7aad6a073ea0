// Package pdf reads the text of PDF files, page by page, and tells of each word whether a
// reader of the page sees it.
//
// Files are written by anybody, and to read one takes a parser of a hundred formats. That is
// PDFium, compiled to WebAssembly and run by wazero: it has memory of its own, up to a bound,
// and neither files nor a network nor a clock. Each file has an instance to itself, which ends
// with it or when its time is up.
package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/klippa-app/go-pdfium"
	fault "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"doorward/internal/docs"
)

// Bounds of one file.
const (
	patience   = 10 * time.Minute // a page takes about 0.1 s
	maxMemory  = 256 << 20 / pageOfMemory
	maxPages   = 5_000
	maxChars   = 500_000        // of a page
	maxObjects = 100_000        // of a page, and of all pages before the file is opened anew
	maxPixels  = 2 << 20        // of a page as it is drawn
	maxWork    = 16 * maxPixels // pixels of all characters of a page

	pageOfMemory = 64 << 10 // bytes (WebAssembly Core Specification, "Memory Instances")
)

// Why a file is not read.
var (
	ErrPassword = errors.New("the PDF can be read with a password alone: bring in a copy without one")
	ErrFormat   = errors.New("it is no PDF that can be read")
	ErrTime     = fmt.Errorf("the PDF takes more than %s to read", patience)
	ErrMuch     = errors.New("the PDF has more on its pages than is read")
	ErrStart    = errors.New("PDFium cannot be started") // which no file is to blame for
)

// Document is a file as it is read.
type Document struct {
	Title string // that the file gives itself; may be empty
	Pages []Page
}

// Page is the text of a page.
type Page struct {
	Heading string // the outline's path that it stands under, with the page's number
	Text    string // what a reader sees, and what nothing says of whether one does; lines end with \n
	Hidden  int    // letters that no reader sees; they are left out
	Unseen  int    // letters of Text that may be unseen: over a picture, below others, or of fonts that only other readers have
}

// Reader reads files, one at a time. It takes some seconds of the processor before the first
// one. The zero value is not ready: see New.
type Reader struct {
	turn     chan struct{}
	patience time.Duration
	compiled wazero.CompilationCache // nil before the first file; whoever has the turn uses it
}

// New returns a reader, to be closed by its caller.
func New() *Reader { return &Reader{turn: make(chan struct{}, 1), patience: patience} }

// Close waits for a file that is being read and gives back what the reader holds.
func (r *Reader) Close() error {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	if r.compiled == nil {
		return nil
	}
	err := r.compiled.Close(context.Background())
	r.compiled = nil
	return err
}

// Read reads a file: ErrPassword, ErrFormat and ErrMuch say what is wrong with it. With ErrTime and ErrStart it may
// be read another time.
func (r *Reader) Read(ctx context.Context, raw []byte) (*Document, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-r.turn }()
	if r.compiled == nil {
		if err := r.compile(ctx); err != nil {
			return nil, err
		}
	}
	within, cancel := context.WithTimeoutCause(ctx, r.patience, ErrTime)
	defer cancel()
	defer r.collect(time.Now())
	d, err := r.read(within, raw)
	if cause := context.Cause(within); cause != nil {
		return nil, cause // whatever the instance said when it was ended
	}
	return d, err
}

// collect frees the memory of an instance that may have had much of it, before the next one takes its own.
func (*Reader) collect(began time.Time) {
	if time.Since(began) > time.Second {
		debug.FreeOSMemory()
	}
}

// compile makes machine code of PDFium.
func (r *Reader) compile(ctx context.Context) error {
	defer debug.FreeOSMemory() // the compiler takes some 250 MiB
	r.compiled = wazero.NewCompilationCache()
	pool, err := r.pool(experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0)))
	if err == nil {
		err = pool.Close()
	}
	if err != nil {
		_ = r.compiled.Close(context.Background())
		r.compiled = nil
		return fmt.Errorf("%w: %w", ErrStart, err)
	}
	return nil
}

// pool is a runtime that ends with ctx. It has no file of this machine, and says nothing.
func (r *Reader) pool(ctx context.Context) (pdfium.Pool, error) {
	return webassembly.Init(webassembly.Config{
		Context: ctx, MaxIdle: 1, MaxTotal: 1, FSConfig: wazero.NewFSConfig(), Stdout: io.Discard, Stderr: io.Discard,
		RuntimeConfig: wazero.NewRuntimeConfig().
			WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling). // PDFium is built with
			WithMemoryLimitPages(maxMemory).WithCloseOnContextDone(true).WithCompilationCache(r.compiled),
	})
}

// read reads a file in an instance of its own.
func (r *Reader) read(ctx context.Context, raw []byte) (d *Document, err error) {
	pool, err := r.pool(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStart, err)
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	f := file{pool: pool, raw: raw}
	defer f.close()
	if err := f.open(ctx); err != nil {
		return nil, err
	}
	if f.pages > maxPages {
		return nil, fmt.Errorf("%w: %d pages, %d at most", ErrMuch, f.pages, maxPages)
	}
	d = &Document{Title: f.title()}
	headings := f.headings()
	size := 0
	for i := range f.pages {
		p, err := f.page(ctx, i)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", i+1, err)
		}
		if size += len(p.Text); size > docs.MaxDocument {
			return nil, fmt.Errorf("%w: more than %d bytes of text", ErrMuch, docs.MaxDocument)
		}
		p.Heading = headings[i]
		d.Pages = append(d.Pages, p)
	}
	return d, nil
}

// faulty says what is wrong with a file, by what PDFium says, or WebAssembly of it: the first line of that, for a stack
// follows.
func faulty(err error) error {
	if errors.Is(err, fault.ErrPassword) {
		return ErrPassword
	}
	what, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("%w: %s", ErrFormat, what)
}
