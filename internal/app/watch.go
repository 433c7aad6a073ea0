package app

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long a file must be quiet before it is read: editors write in
// several steps.
const settle = 200 * time.Millisecond

// watchedFile is a file that is read again when it changes.
type watchedFile struct {
	path    string      // absolute
	same    func() bool // whether it is as it was last read
	names   []string    // whose replacement is a change of it: leads of path
	changed bool        // since it was last read
}

// watch reloads when the configuration or the lock file changes. It watches the
// directories of the files and of every link that leads to them, because editors
// replace files, and Kubernetes and those who roll out versions replace links. What has
// changed since the files were read, which is long before where a start takes long, and what
// changes after it has returned is seen.
func (a *App) watch(ctx context.Context) {
	if a.Path == "" {
		return
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		a.Log.WarnContext(ctx, "file changes are not seen; use SIGHUP", "error", err)
		return
	}
	var files []*watchedFile
	for path, same := range map[string]func() bool{
		a.Path:              func() bool { return a.current.Load().cfg.Unchanged(a.Path) },
		a.Config.Trust.Lock: a.pins.Unchanged,
	} {
		abs, err := filepath.Abs(path)
		if err != nil {
			a.Log.WarnContext(ctx, "file changes are not seen; use SIGHUP", "path", path, "error", err)
			continue
		}
		files = append(files, &watchedFile{path: abs, same: same})
	}
	a.look(ctx, w, files)
	for _, f := range files { // not before they are watched, or a change between the two would not be seen
		f.changed = !f.same()
	}
	a.own(func() {
		defer func() { _ = w.Close() }()
		a.follow(ctx, w, files)
	})
}

// look finds out anew where the files are, and watches what leads there and nothing else.
func (a *App) look(ctx context.Context, w *fsnotify.Watcher, files []*watchedFile) {
	var dirs []string
	for _, f := range files {
		f.names = leads(f.path)
		for _, name := range f.names {
			dirs = append(dirs, filepath.Dir(name))
		}
	}
	for _, dir := range dirs {
		if err := w.Add(dir); err != nil { // it does nothing where it was added before
			a.Log.WarnContext(ctx, "file changes are not seen; use SIGHUP", "path", dir, "error", err)
		}
	}
	for _, dir := range w.WatchList() {
		if !slices.Contains(dirs, dir) {
			_ = w.Remove(dir) // it is gone already, or nothing that comes from it is heeded
		}
	}
}

// follow reads a file again when it has changed, is quiet, and nobody has it open to write.
func (a *App) follow(ctx context.Context, w *fsnotify.Watcher, files []*watchedFile) {
	quiet := time.NewTimer(settle)
	if !slices.ContainsFunc(files, func(f *watchedFile) bool { return f.changed }) {
		quiet.Stop()
	}
	said := false // that a file is waited for
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			for _, f := range files {
				if !e.Has(fsnotify.Chmod) && slices.Contains(f.names, filepath.Clean(e.Name)) {
					f.changed = true
					quiet.Reset(settle)
				}
			}
		case err := <-w.Errors:
			a.Log.WarnContext(ctx, "watching files", "error", err)
			if errors.Is(err, fsnotify.ErrEventOverflow) { // whatever was not seen may be theirs
				for _, f := range files {
					f.changed = true
				}
				quiet.Reset(settle)
			}
		case <-quiet.C:
			a.look(ctx, w, files) // first, or a change between the two would not be seen
			if path := unfinished(files); path != "" {
				if !said {
					a.Log.WarnContext(ctx, "a changed file is read when nobody has it open to write, or at SIGHUP", "path", path)
				}
				said = true
				quiet.Reset(settle)
				continue
			}
			said = false
			a.reread(ctx, files)
		}
	}
}

// unfinished is a changed file that somebody may still be writing; empty where there is none.
func unfinished(files []*watchedFile) string {
	for _, f := range files {
		if f.changed && beingWritten(f.path) {
			return f.path
		}
	}
	return ""
}

// reread reads what has changed: the whole configuration, or the lock alone.
func (a *App) reread(ctx context.Context, files []*watchedFile) {
	abs, err := filepath.Abs(a.Path)
	whole, lock := false, false
	for _, f := range files {
		whole = whole || f.changed && err == nil && f.path == abs
		lock = lock || f.changed && f.path != abs
		f.changed = false
	}
	if whole && a.Reload(ctx, "file") == nil || !lock { // it has said in the log what is wrong
		return
	}
	if err := a.reloadPins(ctx); err != nil { // also beside a configuration that is refused
		a.Log.ErrorContext(ctx, "lock file refused, the old pins stay", "error", err)
	}
}
