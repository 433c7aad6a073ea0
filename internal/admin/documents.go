package admin

import "context"

// DocumentsChange is a change of what a builtin docs serves. The command makes it itself, beside
// the gateway; the record is the gateway's.
type DocumentsChange struct {
	Upstream string   `json:"upstream"`
	Action   string   `json:"action"` // one of DocumentsActions
	Sources  []string `json:"sources"`
	Failed   bool     `json:"failed,omitempty"` // it was on record as begun, and came to no good end
}

// DocumentsActions are what is done with documents: they are brought in, all made again, or a
// source is taken out.
func DocumentsActions() []string { return []string{"ingest", "reindex", "remove"} }

// Documents is the record of who changes what agents read.
type Documents interface {
	// RecordDocuments puts a change on record, before it is made and once it has failed.
	RecordDocuments(ctx context.Context, actor string, c DocumentsChange) error
}

// RecordDocuments implements Documents.
func (c *Client) RecordDocuments(ctx context.Context, _ string, change DocumentsChange) error {
	_, err := do[struct{}](ctx, c, "/v1/documents", change)
	return err
}

func documentRoutes() []Route {
	return []Route{{"POST /v1/documents", DocumentsWrite, withBody(func(ctx context.Context, op Operator, actor string, c DocumentsChange) (any, error) {
		return struct{}{}, op.RecordDocuments(ctx, actor, c)
	})}}
}
