package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/fsnotify/fsnotify"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Bounds of the files that are watched: at all, and for one session.
const (
	maxWatched = 256
	maxTold    = 64
)

// errWatched is a subscription too many.
var errWatched = fmt.Errorf("at most %d files are watched, and %d for one session", maxWatched, maxTold)

// watched tells clients of changes to the files that they subscribed to. It watches the
// directories, for editors replace files.
type watched struct {
	s       *server
	mu      sync.Mutex
	files   map[string]map[*mcp.ServerSession]int // by path: who subscribed, how often
	dirs    map[string]*watchedDir                // of them
	watcher *fsnotify.Watcher                     // from the first subscription on
	done    chan struct{}                         // closed when what reads it has ended
	closed  bool                                  // nothing is watched any more
}

// watchedDir is a directory that is watched. The system watches it wherever it is moved to.
type watchedDir struct {
	files int         // that are watched, in it
	is    fs.FileInfo // what it was when the watch began; nil: there was none
}

func newWatched(s *server) *watched {
	return &watched{s: s, files: map[string]map[*mcp.ServerSession]int{}, dirs: map[string]*watchedDir{}}
}

func (s *server) subscribe(_ context.Context, req *mcp.SubscribeRequest) error {
	name, err := s.named(req.Params.URI)
	if err != nil {
		return err
	}
	f, _, err := s.open(name)
	if err != nil {
		return mcp.ResourceNotFoundError(req.Params.URI)
	}
	_ = f.Close()
	return s.watched.add(name, req.Session)
}

func (s *server) unsubscribe(_ context.Context, req *mcp.UnsubscribeRequest) error {
	name, err := s.named(req.Params.URI)
	if err != nil {
		return err
	}
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	if of := s.watched.files[name]; of[req.Session] > 1 {
		of[req.Session]--
	} else {
		s.watched.drop(name, req.Session)
	}
	return nil
}

func (w *watched) add(name string, who *mcp.ServerSession) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget()
	theirs := 0
	for _, of := range w.files {
		theirs += min(of[who], 1)
	}
	if theirs >= maxTold && w.files[name][who] == 0 {
		return errWatched
	}
	if w.files[name] == nil {
		if len(w.files) >= maxWatched {
			return errWatched
		}
		if err := w.watch(path.Dir(name)); err != nil {
			return err
		}
		w.files[name] = map[*mcp.ServerSession]int{}
	}
	w.files[name][who]++
	return nil
}

// forget drops those who went away without a word. It needs mu.
func (w *watched) forget() {
	open := map[*mcp.ServerSession]bool{}
	for one := range w.s.mcp.Sessions() {
		open[one] = true
	}
	for name, of := range w.files {
		for who := range of {
			if !open[who] {
				w.drop(name, who)
			}
		}
	}
}

// drop needs mu.
func (w *watched) drop(name string, who *mcp.ServerSession) {
	of := w.files[name]
	if of == nil {
		return
	}
	delete(of, who)
	if len(of) > 0 {
		return
	}
	delete(w.files, name)
	dir := path.Dir(name)
	if w.dirs[dir].files--; w.dirs[dir].files <= 0 {
		delete(w.dirs, dir)
		_ = w.watcher.Remove(w.at(dir))
	}
}

// watch has one more file of a directory watched. It needs mu.
func (w *watched) watch(dir string) error {
	if w.closed {
		return errors.New("the server is closed")
	}
	if w.watcher == nil {
		watcher, err := fsnotify.NewWatcher()
		if err != nil {
			return errors.New("changes to files cannot be seen on this machine")
		}
		w.watcher, w.done = watcher, make(chan struct{})
		go w.follow()
	}
	of := w.dirs[dir]
	if of == nil {
		of = &watchedDir{}
	}
	if err := w.begin(dir, of); err != nil { // again, where the directory was replaced
		return errors.New("changes to this file cannot be seen")
	}
	of.files++
	w.dirs[dir] = of
	return nil
}

// begin has the system watch what is at a directory's path by now, which must be in the tree.
// Where it fails, what was watched before still is, unless end says so. It needs mu.
func (w *watched) begin(dir string, of *watchedDir) error {
	is, err := w.seen(dir)
	if err != nil {
		return err
	}
	if err := w.watcher.Add(w.at(dir)); err != nil {
		return err
	}
	if now, err := os.Stat(w.at(dir)); err != nil || !os.SameFile(is, now) { // swapped for a link, or gone
		w.end(dir, of)
		return errAbsent
	}
	of.is = is
	return nil
}

// end has the system watch a directory no more, until it begins again. It needs mu.
func (w *watched) end(dir string, of *watchedDir) {
	_ = w.watcher.Remove(w.at(dir))
	of.is = nil
}

// seen is what a directory of the tree is.
func (w *watched) seen(dir string) (fs.FileInfo, error) {
	at, err := w.s.dir(dir)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	return at.Stat(".")
}

func (w *watched) at(dir string) string {
	return filepath.Join(w.s.set.Root, filepath.FromSlash(dir))
}

// follow tells of changes until close.
func (w *watched) follow() {
	defer close(w.done)
	for {
		select {
		case e, ok := <-w.watcher.Events:
			if !ok {
				return
			}
			w.changed(e)
		case _, ok := <-w.watcher.Errors:
			if !ok {
				return
			}
			w.all() // events were lost
		}
	}
}

// changed tells of a file, or of all files of a directory that went away or was moved, and
// what is in it from then on is nobody's affair: what is in its place by now is watched
// instead. It is not told where a directory above is moved, and found out when something in
// it changes.
func (w *watched) changed(e fsnotify.Event) {
	rel, err := filepath.Rel(w.s.set.Root, e.Name)
	if err != nil {
		return
	}
	name := filepath.ToSlash(rel)
	var of []string
	w.mu.Lock()
	dir := path.Dir(name)
	if w.files[name] != nil && w.dirs[dir].is != nil { // else it was on its way when the watch ended
		of = append(of, name)
	}
	moved := len(of) > 0 && w.moved(dir)
	if gone := w.dirs[name]; gone != nil && gone.is != nil && e.Has(fsnotify.Remove|fsnotify.Rename) {
		dir, moved = name, true
	}
	if moved {
		w.end(dir, w.dirs[dir])
		_ = w.begin(dir, w.dirs[dir]) // or the next who subscribes does
		of = of[:0]
		for file := range w.files {
			if path.Dir(file) == dir {
				of = append(of, file)
			}
		}
	}
	w.mu.Unlock()
	for _, name := range of {
		w.tell(name)
	}
}

// moved tells whether a directory that is watched is at its path no more. It needs mu.
func (w *watched) moved(dir string) bool {
	is, err := w.seen(dir)
	return err != nil || !os.SameFile(w.dirs[dir].is, is)
}

func (w *watched) all() {
	w.mu.Lock()
	names := slices.Sorted(maps.Keys(w.files))
	w.mu.Unlock()
	for _, name := range names {
		w.tell(name)
	}
}

func (w *watched) tell(name string) {
	_ = w.s.mcp.ResourceUpdated(context.Background(), &mcp.ResourceUpdatedNotificationParams{URI: w.s.uri(name)}) // it returns none
}

func (w *watched) close() {
	w.mu.Lock()
	w.closed = true
	watcher := w.watcher
	w.mu.Unlock()
	if watcher != nil {
		_ = watcher.Close()
		<-w.done
	}
}
