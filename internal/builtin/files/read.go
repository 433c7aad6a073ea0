package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// readOnly are the hints of the tools that change nothing.
func readOnly(title string) *mcp.ToolAnnotations {
	closed := false
	return &mcp.ToolAnnotations{Title: title, ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &closed}
}

// reading adds the tools that change nothing.
func (s *server) reading() {
	tool(s, &mcp.Tool{Name: "list", Description: "List a directory: names, kinds, sizes and times, in the order of their paths.", Annotations: readOnly("List a directory")}, s.list)
	tool(s, &mcp.Tool{Name: "stat", Description: "Say of one file or directory its kind, size and time, and of a file its media type and SHA-256 digest.", Annotations: readOnly("Look at a file")}, s.stat)
	tool(s, &mcp.Tool{Name: "read", Description: fmt.Sprintf("Read a file, or a range of one: at most %d bytes at a time. Text comes as text, anything else as a resource in base64. A second block says in JSON what was read.", s.set.MaxFile), Annotations: readOnly("Read a file"), InputSchema: readInput()}, s.read)
	tool(s, &mcp.Tool{Name: "search", Description: "Find lines of text files by a text or a regular expression (RE2), below a directory.", Annotations: readOnly("Search files")}, s.search)
}

type pathed struct {
	Path string `json:"path" jsonschema:"relative to the root, with / between its parts"`
}

// stated is what is said of a file or directory.
type stated struct {
	Path     string `json:"path"`
	Kind     string `json:"kind" jsonschema:"file or directory"`
	Size     int64  `json:"size,omitempty" jsonschema:"bytes, of a file"`
	Modified string `json:"modified" jsonschema:"RFC 3339, UTC"`
	Type     string `json:"type,omitempty" jsonschema:"media type of a file"`
	Digest   string `json:"digest,omitempty" jsonschema:"sha256: and the digest of the whole file in hex; of files that one call may read"`
}

func stateOf(name string, fi fs.FileInfo) stated {
	out := stated{Path: name, Kind: "directory", Modified: fi.ModTime().UTC().Format(time.RFC3339)}
	if fi.Mode().IsRegular() {
		out.Kind, out.Size = "file", fi.Size()
	}
	return out
}

func (s *server) stat(_ context.Context, in *pathed) (*mcp.CallToolResult, stated, error) {
	name, err := clean(in.Path)
	if err != nil {
		return nil, stated{}, err
	}
	if dir, err := s.dir(name); err == nil {
		defer dir.Close()
		fi, err := dir.Stat(".")
		if err != nil {
			return nil, stated{}, absent(err)
		}
		return nil, stateOf(name, fi), nil
	} else if !errors.Is(err, errNotDir) {
		return nil, stated{}, err
	}
	f, fi, err := s.open(name)
	if err != nil {
		return nil, stated{}, err
	}
	defer f.Close()
	out := stateOf(name, fi)
	head := make([]byte, sniffed)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, stated{}, absent(err)
	}
	out.Type = mediaType(name, head[:n])
	if fi.Size() > s.set.MaxFile {
		return nil, out, nil
	}
	out.Size, out.Digest, err = s.hashed(io.MultiReader(bytes.NewReader(head[:n]), f))
	return nil, out, err
}

// hashed is the size and the digest of a whole file, which must not be larger than one call
// may read.
func (s *server) hashed(f io.Reader) (size int64, digest string, err error) {
	h := sha256.New()
	size, err = io.Copy(h, io.LimitReader(f, s.set.MaxFile+1))
	switch {
	case err != nil:
		return 0, "", absent(err)
	case size > s.set.MaxFile:
		return 0, "", s.tooLarge()
	}
	return size, "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

func (s *server) tooLarge() error {
	return fmt.Errorf("the file is larger than %d bytes, which is the most (max_file)", s.set.MaxFile)
}

// sniffed is how much of a file says what it is (WHATWG MIME Sniffing, section 5.2: 1445 bytes).
const sniffed = 1445

// whole reads a file that must not be larger than one call may read.
func (s *server) whole(f io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(f, s.set.MaxFile+1))
	if err != nil {
		return nil, absent(err)
	}
	if int64(len(body)) > s.set.MaxFile {
		return nil, fmt.Errorf("%w: read it in ranges, with offset and length", s.tooLarge())
	}
	return body, nil
}

type reading struct {
	Path   string `json:"path" jsonschema:"relative to the root, with / between its parts"`
	Offset int64  `json:"offset,omitempty" jsonschema:"bytes to leave out at the beginning"`
	Length int64  `json:"length,omitempty" jsonschema:"bytes to read at most; the rest of the file unless given"`
}

// farthest is the largest number that every reader of JSON keeps (RFC 8259, section 6), in bytes.
const farthest = 1 << 53

// readInput is the schema of reading. A number that Go cannot take is refused by it: the error
// of what is read after it would name fields of this program.
func readInput() *jsonschema.Schema {
	of, err := jsonschema.For[reading](nil)
	if err != nil {
		panic(err) // the type is one that has a schema
	}
	for _, name := range [...]string{"offset", "length"} {
		most := float64(farthest)
		of.Properties[name].Maximum = &most
	}
	return of
}

// part is what the second block of an answer to read says.
type part struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	Offset int64  `json:"offset"`
	Length int    `json:"length"`
	More   bool   `json:"more"`             // there is more behind it
	Digest string `json:"digest,omitempty"` // of a file that was read whole
	Type   string `json:"type"`
}

func (s *server) read(ctx context.Context, in *reading) (*mcp.CallToolResult, any, error) {
	f, fi, err := s.open(in.Path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if in.Offset < 0 || in.Length < 0 || in.Length > s.set.MaxFile {
		return nil, nil, fmt.Errorf("offset and length must not be below 0, nor length above %d", s.set.MaxFile)
	}
	leave, err := s.hold(ctx, fi.Size())
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	body, err := s.between(f, in)
	if err != nil {
		return nil, nil, err
	}
	end := in.Offset + int64(len(body))
	p := part{Path: in.Path, Size: fi.Size(), Offset: in.Offset, Length: len(body), Type: mediaType(in.Path, body)}
	if len(body) > 0 {
		p.Size = max(p.Size, end) // it grew meanwhile
	}
	p.More = end < p.Size
	if in.Offset == 0 && !p.More {
		p.Digest = digest(body)
	}
	said, err := json.Marshal(p)
	if err != nil {
		return nil, nil, err
	}
	return &mcp.CallToolResult{Content: []mcp.Content{s.content(in.Path, body, p.Type), &mcp.TextContent{Text: string(said)}}}, nil, nil
}

func (s *server) between(f io.ReadSeeker, in *reading) ([]byte, error) {
	if _, err := f.Seek(in.Offset, io.SeekStart); err != nil {
		return nil, absent(err)
	}
	if in.Length == 0 {
		return s.whole(f)
	}
	body, err := io.ReadAll(io.LimitReader(f, in.Length))
	return body, absent(err)
}

// content is a block of text, or a resource where the bytes are none.
func (s *server) content(name string, body []byte, media string) mcp.Content {
	if isText(body) {
		return &mcp.TextContent{Text: string(body)}
	}
	return &mcp.EmbeddedResource{Resource: &mcp.ResourceContents{URI: s.uri(name), MIMEType: media, Blob: body}}
}

// isText tells whether bytes are text: UTF-8 without NUL.
func isText(body []byte) bool { return utf8.Valid(body) && bytes.IndexByte(body, 0) < 0 }

// mediaType goes by the name, and by the content where the name says nothing.
func mediaType(name string, body []byte) string {
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return http.DetectContentType(body)
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}
