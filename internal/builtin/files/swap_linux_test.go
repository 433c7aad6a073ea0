package files_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"golang.org/x/sys/unix"

	"doorward/internal/builtin/files"
)

// swaps is how often each of the swaps of TestPOL05SwapsNeverWin is made at least, and rounds how
// many rounds of calls each caller makes at least; DOORWARD_SWAPS is the long form.
func swaps() (swaps int, rounds int64) {
	n, err := strconv.Atoi(os.Getenv("DOORWARD_SWAPS"))
	if err != nil {
		return 100, 1
	}
	return n, int64(n / 100)
}

// anew is after how many swaps what they and the calls made of the files is made as it was. It is
// even: the files are in their places then.
const anew = 200

// canary is what is outside. No file that is served has as many bytes.
var canary = outside + strings.Repeat(".", 4343-len(outside))

// swap is one name that is served, and what takes its place.
type swap struct {
	live  string                          // below the directory of the stand
	decoy func(s *stand, at string) error // makes what takes its place
}

// linked makes a link to a path below the directory of the stand.
func linked(to string) func(s *stand, at string) error {
	return func(s *stand, at string) error { return os.Symlink(filepath.Join(filepath.Dir(s.root), to), at) }
}

// linkedAs makes a link as it is written: os.Root follows one that leads elsewhere in its directory.
func linkedAs(to string) func(s *stand, at string) error {
	return func(_ *stand, at string) error { return os.Symlink(to, at) }
}

// within makes a directory with a link of that name to a path below the directory of the stand.
func within(name, to string) func(s *stand, at string) error {
	return func(s *stand, at string) error {
		return errors.Join(os.Mkdir(at, 0o700), linked(to)(s, filepath.Join(at, name)))
	}
}

// TestPOL05SwapsNeverWin: whatever takes the place of a file, of a directory or of one above while
// clients call, nothing that is outside or ignored is read, and nothing there is changed.
func TestPOL05SwapsNeverWin(t *testing.T) {
	for name, sw := range map[string]swap{
		"file":            {"a/p/q/f.txt", linked("a-evil/q/f.txt")},
		"ignored file":    {"a/f.txt", linkedAs(".env")},
		"directory":       {"a/p/q", linked("a-evil/q")},
		"ignored":         {"a/p", linkedAs(".git")},
		"parent":          {"a/p", linked("a-evil")},
		"parent with one": {"a/p", within("q", "a-evil/q")},
		"trash":           {"a/.doorward-trash", linked("a-evil")},
		"root":            {"a", linked("a-evil")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, func(set *files.Settings) { set.Write = true }, nil)
			s.withCanaries()
			s.sound(&sw)
			before := s.kept()
			least, rounds := swaps()
			var calls, answers, busy atomic.Int64
			var callers sync.WaitGroup
			for _, does := range []func(n int64) []*mcp.CallToolParams{reads, writes} {
				busy.Add(1)
				callers.Go(func() {
					for n := int64(0); n < rounds || busy.Load() > 0; n++ {
						if n == rounds-1 {
							busy.Add(-1) // and it goes on until the other has made as many
						}
						for _, p := range does(n) {
							calls.Add(1)
							if s.told(p) {
								answers.Add(1)
							}
						}
						s.readResource("files://notes/p/q/f.txt")
					}
				})
			}
			made := s.swapping(&sw, least, &busy)
			callers.Wait()
			if after := s.kept(); !maps.Equal(before, after) {
				t.Errorf("what must not change did:\n%v\n%v", before, after)
			}
			t.Logf("%d swaps, %d calls, %d answered without an error", made, calls.Load(), answers.Load())
		})
	}
}

func reads(int64) []*mcp.CallToolParams {
	return []*mcp.CallToolParams{
		{Name: "read", Arguments: of{"path": "p/q/f.txt"}},
		{Name: "stat", Arguments: of{"path": "p/q/f.txt"}},
		{Name: "list", Arguments: of{"path": "p", "depth": 3}},
		{Name: "search", Arguments: of{"query": ".", "regexp": true}},
		{Name: "list", Arguments: of{"path": "p/q"}},
		{Name: "read", Arguments: of{"path": "f.txt"}},
	}
}

func writes(n int64) []*mcp.CallToolParams {
	name := fmt.Sprintf("p/q/n%d.txt", n)
	return []*mcp.CallToolParams{
		{Name: "edit", Arguments: of{"path": "p/q/f.txt", "old": "inside", "new": "inside"}},
		{Name: "edit", Arguments: of{"path": "f.txt", "old": "CANARY", "new": "written"}},
		{Name: "write", Arguments: of{"path": name, "text": "written"}},
		{Name: "move", Arguments: of{"from": name, "to": fmt.Sprintf("p/m%d/x.txt", n)}},
		{Name: "move", Arguments: of{"from": "p/q/f.txt", "to": name}},
		{Name: "delete", Arguments: of{"path": name}},
	}
}

// withCanaries puts what must not be read or changed beside what is served, and where it is ignored.
func (s *stand) withCanaries() {
	s.t.Helper()
	for _, name := range []string{"a-evil/q/f.txt", "a-evil/f.txt", "a-evil/q/CANARY.txt", "a/.git/q/f.txt", "a/.env"} {
		at := filepath.Join(filepath.Dir(s.root), name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(canary), 0o600)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// decoyAt is where what takes another's place is meanwhile: no call can name it.
func (s *stand) decoyAt() string { return filepath.Join(filepath.Dir(s.root), "decoy") }

// sound makes the files, and what takes a place of theirs, as they are at the beginning.
// What calls put there meanwhile may stay.
func (s *stand) sound(sw *swap) {
	_ = os.RemoveAll(s.decoyAt())
	_ = os.RemoveAll(filepath.Join(s.root, "p"))
	_ = os.RemoveAll(filepath.Join(s.root, ".doorward-trash"))
	_ = os.MkdirAll(filepath.Join(s.root, "p/q"), 0o700)
	_ = os.Mkdir(filepath.Join(s.root, ".doorward-trash"), 0o700)
	_ = os.Remove(filepath.Join(s.root, "f.txt"))
	for _, name := range []string{"f.txt", "p/q/f.txt"} {
		if f, err := os.OpenFile(filepath.Join(s.root, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			_, _ = f.WriteString("inside")
			_ = f.Close()
		}
	}
	_ = sw.decoy(s, s.decoyAt())
}

// swapping swaps as long as callers are busy, and so often at least. It tells how often that was
// possible: a call may have taken one of the two away.
func (s *stand) swapping(sw *swap, least int, busy *atomic.Int64) (made int) {
	live := filepath.Join(filepath.Dir(s.root), sw.live)
	for n := 0; n%2 == 1 || made < least || busy.Load() > 0; n++ {
		if n%anew == 0 && n%2 == 0 {
			s.sound(sw)
		}
		if unix.Renameat2(unix.AT_FDCWD, live, unix.AT_FDCWD, s.decoyAt(), unix.RENAME_EXCHANGE) == nil {
			made++
		}
	}
	return made
}

// told makes a call, whose answer must have nothing of what is outside. answered is false for an
// error, which is as good.
func (s *stand) told(p *mcp.CallToolParams) (answered bool) {
	r, err := s.c.CallTool(s.t.Context(), p)
	if err != nil {
		s.silent(p.Name, err.Error())
		return false
	}
	raw, err := json.Marshal(r)
	if err != nil {
		s.t.Error(err)
	}
	s.silent(p.Name, string(raw))
	return !r.IsError
}

func (s *stand) readResource(uri string) {
	r, err := s.c.ReadResource(s.t.Context(), &mcp.ReadResourceParams{URI: uri})
	if err != nil {
		s.silent("a resource", err.Error())
		return
	}
	s.silent("a resource", r.Contents[0].Text)
}

// silent fails the test where a text has something of what is outside.
func (s *stand) silent(what, text string) {
	sum := sha256.Sum256([]byte(canary))
	for _, never := range []string{"CANARY", strconv.Itoa(len(canary)), hex.EncodeToString(sum[:])} {
		if strings.Contains(text, never) {
			s.t.Errorf("%s has %q: %.300s", what, never, text)
		}
	}
}

// kept is what must not change: names, kinds, rights, times and contents.
func (s *stand) kept() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for _, top := range []string{s.out, filepath.Join(s.root, ".git"), filepath.Join(s.root, ".env"), filepath.Join(s.root, "b")} {
		err := filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			fi, err := d.Info()
			if err != nil {
				return err
			}
			text := ""
			if fi.Mode().IsRegular() {
				raw, err := os.ReadFile(at)
				if err != nil {
					return err
				}
				text = string(raw)
			}
			all[at] = fmt.Sprint(fi.Mode(), fi.ModTime().UnixNano(), text)
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return all
}
