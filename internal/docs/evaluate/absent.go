package evaluate

import (
	"context"
	"slices"
	"strings"

	"doorward/internal/docs"
)

// Lister gives documents, page by page: *docs.Library.
type Lister interface {
	List(ctx context.Context, in docs.Listing) ([]docs.Document, error)
}

// page is how many documents are listed at a time.
const page = 1000

// Absent are the documents that missed questions expect and that are not in the index, or that
// the roles may not read: which of the two, nobody is told. Sorted, each once.
func Absent(ctx context.Context, l Lister, scores []Score, roles []string) ([]string, error) {
	expected := map[string]bool{}
	for i := range scores {
		for _, m := range scores[i].Missed {
			for _, e := range m.Expect {
				expected[e] = true
			}
		}
	}
	for after := ""; len(expected) > 0; {
		all, err := l.List(ctx, docs.Listing{After: after, Limit: page, Roles: roles})
		if err != nil {
			return nil, err
		}
		for i := range all {
			for e := range expected {
				if names(e, all[i].URI) {
					delete(expected, e)
				}
			}
		}
		if len(all) < page {
			break
		}
		after = all[len(all)-1].URI
	}
	var absent []string
	for e := range expected {
		absent = append(absent, e)
	}
	slices.Sort(absent)
	return absent, nil
}

// names tells whether what is expected is the document: its URI, or the end of it.
func names(expected, uri string) bool {
	return uri == expected || strings.HasSuffix(uri, "/"+strings.TrimPrefix(expected, "/"))
}
