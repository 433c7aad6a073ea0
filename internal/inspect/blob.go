package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// maxBlob bounds what is decoded of an image or another blob, in bytes of
// base64: text that describes an image stands at its beginning or end, and
// larger ones are looked at there.
const maxBlob = 4 << 20

// blobText is the text inside a blob (base64) that a model or a tool chain may
// read: text chunks of PNG, comments and EXIF of JPEG, comments of GIF, XMP, an
// SVG or another text as a whole. ok is false for what is no base64.
func blobText(s string) (text string, ok bool) {
	if len(s) < 8 || len(s)%4 != 0 || strings.ContainsAny(s[:8], " \t\n") {
		return "", false
	}
	raw, err := base64.StdEncoding.DecodeString(s[:min(len(s), maxBlob)])
	if err != nil {
		return "", false
	}
	switch {
	case bytes.HasPrefix(raw, []byte("\x89PNG\r\n\x1a\n")):
		return pngText(raw), true
	case bytes.HasPrefix(raw, []byte{0xff, 0xd8, 0xff}):
		return jpegText(raw), true
	case utf8.Valid(raw):
		return string(raw), true
	}
	return printable(raw), true
}

// pngText are the texts of tEXt and iTXt chunks (PNG, third edition, 11.3.3).
// Compressed ones are looked at as a whole by nobody, and carry nothing that a
// model reads unless something unpacks them.
func pngText(raw []byte) string {
	var b strings.Builder
	for p := raw[8:]; len(p) >= 12; {
		n := int(binary.BigEndian.Uint32(p))
		if n < 0 || n > len(p)-12 {
			break
		}
		if kind := string(p[4:8]); kind == "tEXt" || kind == "iTXt" || kind == "eXIf" {
			b.WriteString(printable(p[8 : 8+n]))
			b.WriteByte('\n')
		}
		p = p[12+n:]
	}
	return b.String()
}

// jpegText are the texts of comments and application segments before the image
// itself (ITU-T T.81, B.2.4).
func jpegText(raw []byte) string {
	var b strings.Builder
	for p := raw[2:]; len(p) >= 4 && p[0] == 0xff; {
		n := int(binary.BigEndian.Uint16(p[2:]))
		if p[1] == 0xda || n < 2 || n > len(p)-2 {
			break
		}
		if p[1] == 0xfe || p[1]&0xf0 == 0xe0 {
			b.WriteString(printable(p[4 : 2+n]))
			b.WriteByte('\n')
		}
		p = p[2+n:]
	}
	return b.String()
}

// minRun is the shortest run of printable characters that counts as text among
// other bytes: shorter ones come about by chance.
const minRun = 12

// printable are the runs of printable ASCII among bytes, a line each.
func printable(raw []byte) string {
	var b strings.Builder
	run := 0
	for i, c := range raw {
		if c >= ' ' && c < 0x7f {
			run++
			if i < len(raw)-1 {
				continue
			}
			i++
		}
		if run >= minRun {
			b.Write(raw[i-run : i])
			b.WriteByte('\n')
		}
		run = 0
	}
	return b.String()
}

// blob looks at the text inside a blob. It cannot be rewritten: where a text
// would be wrapped or masked the blob is taken out.
func (in *incoming) blob(t *mcp.Text, own string) {
	found := in.look(own)
	for i := range found {
		f := &found[i]
		f.Where = t.Pointer()
		note(in.ex, f.Where, found[i:i+1])
		switch in.act(f) {
		case gate.Block:
			in.blocking = append(in.blocking, *f)
		case gate.Mask, gate.Wrap:
			if n := len(in.marks); n == 0 || in.marks[n-1].At != t.At {
				in.marks = append(in.marks, gate.Mark{At: t.At, Text: t.Value, Where: f.Where, Drop: true})
			}
		case gate.Warn, gate.Allow:
		}
	}
}
