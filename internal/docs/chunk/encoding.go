package chunk

import (
	"bytes"
	"fmt"
	"io"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/unicode"

	"doorward/internal/docs"
)

// wide is text of UTF-16, which begins with its mark.
func wide(raw []byte) (string, error) {
	out, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(raw)
	if err != nil {
		return "", ErrEncoding
	}
	if bytes.IndexByte(out, 0) >= 0 {
		return "", ErrBinary
	}
	return lines(string(out)), nil
}

// decoded is a page in UTF-8, from the encoding that its mark, its server or itself says
// (HTML standard, 13.2.3).
func decoded(raw []byte, said string) ([]byte, error) {
	r, err := charset.NewReader(bytes.NewReader(raw), said)
	if err != nil {
		return nil, ErrEncoding
	}
	out, err := io.ReadAll(io.LimitReader(r, docs.MaxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	if len(out) > docs.MaxDocument {
		return nil, ErrLarge
	}
	return bytes.ToValidUTF8(out, []byte("�")), nil
}
