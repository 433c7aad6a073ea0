package embedded

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"doorward/internal/docs"
)

// columns are those of a documentRow, of documents AS d.
const columns = "d.uri, d.source, d.origin, d.title, d.type, d.size, d.modified, d.digest, d.roles, d.findings"

// documentRow is a document as its table has it.
type documentRow struct {
	kept            docs.Document
	modified        sql.NullInt64 // seconds since 1970; none: the origin does not say
	digest          []byte
	roles, findings sql.NullString // JSON; none: nil
}

func (r *documentRow) into() []any {
	d := &r.kept
	return []any{&d.URI, &d.Source, &d.Origin, &d.Title, &d.Type, &d.Size, &r.modified, &r.digest, &r.roles, &r.findings}
}

// document is what was read. One whose roles cannot be read is none that anybody may.
func (r *documentRow) document() (docs.Document, error) {
	d := r.kept
	if r.modified.Valid {
		d.Modified = time.Unix(r.modified.Int64, 0).UTC()
	}
	if len(r.digest) != len(d.Digest) {
		return d, fmt.Errorf("the digest of %.200q has %d bytes", d.URI, len(r.digest))
	}
	copy(d.Digest[:], r.digest)
	for _, list := range [...]struct {
		text sql.NullString
		to   *[]string
	}{{r.roles, &d.Roles}, {r.findings, &d.Findings}} {
		if !list.text.Valid {
			continue
		}
		if err := json.Unmarshal([]byte(list.text.String), list.to); err != nil {
			return d, fmt.Errorf("reading the roles and findings of %.200q: %w", d.URI, err)
		}
	}
	return d, nil
}

// listText is a list of names as its column has it: nil stays nil.
func listText(names []string) any {
	if names == nil {
		return nil
	}
	text, _ := json.Marshal(names) // texts have a form in JSON
	return string(text)
}

// seconds is a time as its column has it.
func seconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}
