package pinecone

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/docs/rest"
)

func post(doing string, path ...string) rest.Call {
	return rest.Call{Doing: doing, Method: http.MethodPost, Path: path}
}

// Headers by which Pinecone numbers what is written to a namespace, and says up to which
// number a query looks at it.
const (
	headerWritten = "X-Pinecone-Request-Lsn"
	headerSeen    = "X-Pinecone-Max-Indexed-Lsn"
)

var (
	errUnnumbered = errors.New("pinecone: it does not say as the how manieth what was written was: whether it can be found cannot be told")
	errUnseen     = errors.New("pinecone: what was written cannot be found yet: try again later")
)

// write makes a request that changes a namespace, and returns its number. What is to be taken
// out of a namespace that is not there is out, and has the number 0.
func (t *target) write(ctx context.Context, q rest.Call, body any) (uint64, error) {
	headers, err := t.data.Ask(ctx, q, body, nil)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(headers.Get(headerWritten), 10, 64)
	if err != nil {
		return 0, errUnnumbered
	}
	return n, nil
}

// upsert puts records, in as many requests as they take, and returns the last one's number.
func (t *target) upsert(ctx context.Context, namespace string, records []jsontext.Value) (last uint64, err error) {
	for len(records) > 0 {
		n, size := 0, 0
		for n < len(records) && n < maxRecords && (n == 0 || size+len(records[n]) < maxUpsert) {
			size += len(records[n]) + 1
			n++
		}
		last, err = t.write(ctx, post("putting records", "vectors", "upsert"), map[string]any{"vectors": records[:n], "namespace": namespace})
		if err != nil {
			return 0, err
		}
		records = records[n:]
	}
	return last, nil
}

// put puts one record.
func (t *target) put(ctx context.Context, namespace string, r *record) (uint64, error) {
	text, err := r.encoded()
	if err != nil {
		return 0, err
	}
	return t.upsert(ctx, namespace, []jsontext.Value{text})
}

// remove takes records out, and returns the last request's number; 0: there was none.
func (t *target) remove(ctx context.Context, namespace string, ids []string) (last uint64, err error) {
	for some := range slices.Chunk(ids, maxRecords) {
		n, err := t.write(ctx, post("removing records", "vectors", "delete"), map[string]any{"ids": some, "namespace": namespace})
		if err != nil && !errors.Is(err, rest.ErrAbsent) {
			return 0, err
		}
		last = max(last, n)
	}
	return last, nil
}

// drop removes a namespace.
func (t *target) drop(ctx context.Context, namespace string) error {
	_, err := t.data.Ask(ctx, rest.Call{Doing: "removing a namespace", Method: http.MethodDelete, Path: []string{"namespaces", namespace}}, nil, nil)
	if errors.Is(err, rest.ErrAbsent) {
		return nil
	}
	return err
}

// query asks for the records that are nearest, and up to which number they are looked at.
func (t *target) query(ctx context.Context, q map[string]any) (matches []record, seen uint64, err error) {
	var answer struct {
		Matches []record `json:"matches"`
	}
	headers, err := t.data.Ask(ctx, post("searching", "query"), q, &answer)
	if err != nil {
		return nil, 0, err
	}
	seen, err = strconv.ParseUint(headers.Get(headerSeen), 10, 64)
	if err != nil {
		seen = 0 // a namespace that is not there yet has none
	}
	return answer.Matches, seen, nil
}

// Of waiting until what was written can be found.
const (
	visible    = time.Minute // at most
	firstPause = 20 * time.Millisecond
	mostPause  = time.Second
)

// since queries a namespace again until what has that number is looked at, and returns the
// answer; errUnseen.
func (t *target) since(ctx context.Context, number uint64, q map[string]any) ([]record, error) {
	waiting, cancel := context.WithTimeout(ctx, visible)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		matches, seen, err := t.query(waiting, q)
		if err == nil && seen >= number {
			return matches, nil
		}
		if err == nil {
			select {
			case <-waiting.Done():
				err = waiting.Err()
			case <-time.After(pause):
				continue
			}
		}
		if waiting.Err() != nil && ctx.Err() == nil {
			return nil, errUnseen
		}
		return nil, err
	}
}

// wait waits until what has that number in a namespace can be found.
func (t *target) wait(ctx context.Context, namespace string, number uint64) error {
	if number == 0 {
		return nil
	}
	_, err := t.since(ctx, number, map[string]any{"namespace": namespace, "topK": 1, "vector": axis(t.dimension)})
	return err
}

// atOnce is how many records are fetched at a time: each has a vector of up to 8,192 numbers
// and metadata of 40 KB.
const atOnce = 100

// fetch reads records by ID, those that are there.
func (t *target) fetch(ctx context.Context, namespace string, ids []string) (map[string]*record, error) {
	found := map[string]*record{}
	for some := range slices.Chunk(ids, atOnce) {
		var answer struct {
			Vectors map[string]*record `json:"vectors"`
		}
		q := rest.Call{Doing: "reading records", Method: http.MethodGet, Path: []string{"vectors", "fetch"}, Query: url.Values{"ids": some, "namespace": {namespace}}}
		if _, err := t.data.Ask(ctx, q, nil, &answer); err != nil {
			return nil, err
		}
		for id, r := range answer.Vectors {
			if r != nil {
				found[id] = r
			}
		}
	}
	return found, nil
}

// pages is where an answer goes on.
type pages struct {
	Next string `json:"next"`
}

// scroll reads the records that a filter is true of, in no order that means something.
func (t *target) scroll(ctx context.Context, namespace string, f filter, each func(p *payload)) error {
	ask := map[string]any{"namespace": namespace, "filter": f, "limit": atOnce}
	for {
		var got struct {
			Vectors map[string]*record `json:"vectors"`
			Pages   *pages             `json:"pagination"`
		}
		if _, err := t.data.Ask(ctx, post("reading records", "vectors", "fetch_by_metadata"), ask, &got); err != nil {
			return err
		}
		for _, r := range got.Vectors {
			if r != nil {
				each(&r.Metadata)
			}
		}
		if got.Pages == nil || got.Pages.Next == "" || len(got.Vectors) == 0 {
			return nil
		}
		ask["paginationToken"] = got.Pages.Next
	}
}

// list are the IDs of a namespace that begin with something.
func (t *target) list(ctx context.Context, namespace, prefix string) (ids []string, err error) {
	q := rest.Call{Doing: "listing records", Method: http.MethodGet, Path: []string{"vectors", "list"}, Query: url.Values{"namespace": {namespace}, "prefix": {prefix}, "limit": {strconv.Itoa(atOnce)}}}
	for {
		var got struct {
			Vectors []struct {
				ID string `json:"id"`
			} `json:"vectors"`
			Pages *pages `json:"pagination"`
		}
		if _, err := t.data.Ask(ctx, q, nil, &got); err != nil {
			return nil, err
		}
		for _, v := range got.Vectors {
			ids = append(ids, v.ID)
		}
		if got.Pages == nil || got.Pages.Next == "" || len(got.Vectors) == 0 {
			return ids, nil
		}
		q.Query.Set("paginationToken", got.Pages.Next)
	}
}
