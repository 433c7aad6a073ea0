package files

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// changing adds the tools that write.
func (s *server) changing() {
	yes, no := true, false
	hints := func(title string, destructive *bool) *mcp.ToolAnnotations {
		return &mcp.ToolAnnotations{Title: title, DestructiveHint: destructive, OpenWorldHint: &no}
	}
	tool(s, &mcp.Tool{Name: "write", Description: "Write a whole file, and the directories that it needs. A file that is there is replaced only where expected is its digest.", Annotations: hints("Write a file", &yes)}, s.write)
	tool(s, &mcp.Tool{Name: "edit", Description: "Replace a text that a file holds exactly once by another.", Annotations: hints("Edit a file", &yes)}, s.edit)
	tool(s, &mcp.Tool{Name: "move", Description: "Give a file another path, at which there is nothing.", Annotations: hints("Move a file", &yes)}, s.move)
	tool(s, &mcp.Tool{Name: "delete", Description: "Delete a file. The server's operator finds it in the trash.", Annotations: hints("Delete a file", &yes)}, s.remove)
}

// Why nothing was changed.
var (
	errExpected = errors.New("the file is another than expected says, and was left alone: look at it again")
	errOther    = errors.New("this path has another spelling here, in upper and lower case or in its characters, and nothing was changed: write it as list has it")
	errThere    = errors.New("there is something at this path already, and it was left alone: give its digest as expected to replace a file")
)

type writing struct {
	Path     string `json:"path" jsonschema:"relative to the root, with / between its parts"`
	Text     string `json:"text,omitempty" jsonschema:"what the file shall hold"`
	Base64   string `json:"base64,omitempty" jsonschema:"instead of text: the bytes, in base64"`
	Expected string `json:"expected,omitempty" jsonschema:"digest of the file that is replaced; none for a new file"`
}

func (w *writing) body() ([]byte, error) {
	switch {
	case w.Text != "" && w.Base64 != "":
		return nil, errors.New("give text or base64, not both")
	case w.Base64 != "":
		body, err := base64.StdEncoding.DecodeString(w.Base64)
		if err != nil {
			return nil, errors.New("base64 is none")
		}
		return body, nil
	}
	return []byte(w.Text), nil
}

// change waits for its turn to change something; leave gives it back.
func (s *server) change(ctx context.Context) (leave func(), err error) {
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if ctx.Err() != nil {
		<-s.writing
		return nil, context.Cause(ctx)
	}
	return func() { <-s.writing }, nil
}

func (s *server) write(ctx context.Context, in *writing) (*mcp.CallToolResult, stated, error) {
	body, err := in.body()
	if err != nil {
		return nil, stated{}, err
	}
	if int64(len(body)) > s.set.MaxFile {
		return nil, stated{}, fmt.Errorf("the file would be larger than %d bytes, which is the most (max_file)", s.set.MaxFile)
	}
	leave, err := s.change(ctx)
	if err != nil {
		return nil, stated{}, err
	}
	defer leave()
	if err := roomFor(s.root, len(body)); err != nil {
		return nil, stated{}, err
	}
	dir, base, err := s.place(in.Path)
	if err != nil {
		return nil, stated{}, err
	}
	defer dir.Close()
	switch had, err := s.digestOf(dir, base); {
	case errors.Is(err, errSpelled):
		return nil, stated{}, errOther
	case errors.Is(err, errAbsent) && in.Expected == "":
	case errors.Is(err, errAbsent):
		return nil, stated{}, errExpected
	case err != nil:
		return nil, stated{}, err
	case in.Expected == "":
		return nil, stated{}, errThere
	case had != in.Expected:
		return nil, stated{}, errExpected
	}
	return s.put(dir, base, in.Path, body)
}

// place opens the directory of a path, and makes those that are not there.
func (s *server) place(name string) (*os.Root, string, error) {
	name, err := clean(name)
	if err != nil {
		return nil, "", err
	}
	if name == "." {
		return nil, "", errNotFile
	}
	if s.ignored(name) {
		return nil, "", errors.New("such a file is not served")
	}
	dir, base, err := s.below(name, 0o777) // what the umask leaves, as any program would
	if errors.Is(err, errSpelled) {
		err = errOther
	}
	return dir, base, err
}

// below opens the directory of a path, whatever it is, and makes those that are not there.
func (s *server) below(name string, mode fs.FileMode) (*os.Root, string, error) {
	at, err := s.root.OpenRoot(".")
	if err != nil {
		return nil, "", absent(err)
	}
	parts := strings.Split(name, "/")
	for _, part := range parts[:len(parts)-1] {
		if err := at.Mkdir(part, mode); err != nil && !errors.Is(err, fs.ErrExist) {
			_ = at.Close()
			return nil, "", absent(err)
		}
		next, err := step(at, part)
		_ = at.Close()
		if err != nil {
			return nil, "", err
		}
		at = next
	}
	return at, parts[len(parts)-1], nil
}

// digestOf is the digest of a regular file in a directory.
func (s *server) digestOf(dir *os.Root, base string) (string, error) {
	f, _, err := regular(dir, base)
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, digest, err := s.hashed(f)
	return digest, err
}

// put writes a file beside its place and moves it there, so that nobody reads half of it
// and nothing is lost when the power goes.
func (s *server) put(dir *os.Root, base, name string, body []byte) (*mcp.CallToolResult, stated, error) {
	if err := roomFor(dir, len(body)); err != nil { // which may be another file system than root's
		return nil, stated{}, err
	}
	half := trash + "." + rand.Text()
	if err := s.putHalf(dir, half, base, body); err != nil {
		_ = dir.Remove(half)
		return nil, stated{}, absent(err)
	}
	fi, err := dir.Lstat(base)
	if err != nil {
		return nil, stated{}, absent(err)
	}
	out := stateOf(name, fi)
	out.Size, out.Type, out.Digest = int64(len(body)), mediaType(name, body), digest(body)
	return nil, out, nil
}

// putHalf writes a file under a name that no client sees, with the rights of what it
// replaces from the beginning, and gives it its name.
func (s *server) putHalf(dir *os.Root, half, base string, body []byte) error {
	had, gone := dir.Lstat(base)
	mode, replaces := fs.FileMode(0o666), gone == nil && had.Mode().IsRegular() // what the umask leaves, as any program would
	if replaces {
		mode = 0o600
	}
	f, err := dir.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if replaces {
		err = f.Chmod(had.Mode().Perm())
	}
	if err == nil {
		_, err = f.Write(body)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := dir.Rename(half, base); err != nil {
		return err
	}
	at, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer at.Close()
	return synced(at)
}

type editing struct {
	Path     string `json:"path" jsonschema:"relative to the root, with / between its parts"`
	Old      string `json:"old" jsonschema:"what the file holds exactly once"`
	New      string `json:"new" jsonschema:"what shall stand there instead"`
	Expected string `json:"expected,omitempty" jsonschema:"digest of the file, where it must not have changed"`
}

func (s *server) edit(ctx context.Context, in *editing) (*mcp.CallToolResult, stated, error) {
	if in.Old == "" {
		return nil, stated{}, errors.New("old must not be empty")
	}
	leave, err := s.change(ctx)
	if err != nil {
		return nil, stated{}, err
	}
	defer leave()
	dir, base, err := s.parent(in.Path)
	if err != nil {
		return nil, stated{}, err
	}
	defer dir.Close()
	f, _, err := regular(dir, base)
	if err != nil {
		return nil, stated{}, err
	}
	body, err := s.whole(f)
	_ = f.Close()
	if err != nil {
		return nil, stated{}, err
	}
	if in.Expected != "" && in.Expected != digest(body) {
		return nil, stated{}, errExpected
	}
	if n := strings.Count(string(body), in.Old); n != 1 {
		return nil, stated{}, fmt.Errorf("the file holds old %d times, and must exactly once: give more of what is around it", n)
	}
	after := strings.Replace(string(body), in.Old, in.New, 1)
	if int64(len(after)) > s.set.MaxFile {
		return nil, stated{}, fmt.Errorf("the file would be larger than %d bytes, which is the most (max_file)", s.set.MaxFile)
	}
	return s.put(dir, base, in.Path, []byte(after))
}
