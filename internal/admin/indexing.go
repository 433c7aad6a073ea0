package admin

import "context"

// Rebuilding is an index that is being made anew.
type Rebuilding struct {
	Log     string `json:"log"`     // name of the directory on data_dir of the log that it is of
	Through uint64 `json:"through"` // the record up to which it is made
}

// Indexing is the care of the search index of the audit log.
type Indexing interface {
	// RebuildIndex throws the index away, and has it made anew behind the answer.
	RebuildIndex(ctx context.Context, actor string) (Rebuilding, error)
}

// RebuildIndex implements Indexing.
func (c *Client) RebuildIndex(ctx context.Context, _ string) (Rebuilding, error) {
	return do[Rebuilding](ctx, c.patient(), "/v1/records/index", struct{}{})
}

func indexRoutes() []Route {
	return []Route{
		{"POST /v1/records/index", RecordsIndex, withBody(func(ctx context.Context, op Operator, actor string, _ struct{}) (any, error) {
			return op.RebuildIndex(ctx, actor)
		})},
	}
}
