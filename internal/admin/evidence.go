package admin

import (
	"context"
	"time"
)

// IncidentQuery asks for the records that an incident concerns.
type IncidentQuery struct {
	Incident string `json:"incident"`
	// Since and Until bound the time that is looked at, inclusive and exclusive; zero:
	// from an hour before the first that is known of it until it was closed, or now.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// IncidentRecords are the records that an incident concerns, by their numbers.
type IncidentRecords struct {
	Since time.Time    `json:"since"`
	Until time.Time    `json:"until"`
	Logs  []LogRecords `json:"logs"`
	// Cut says that there are more than 20,000: what is missing came last.
	Cut bool `json:"cut,omitempty"`
}

// LogRecords are those of one log on data_dir, in the order of their numbers.
type LogRecords struct {
	Log string `json:"log"` // name of its directory
	// Own are about the incident itself: its steps, its alerts. Calls are of whom or
	// what it is about, or are named in it.
	Own   []uint64 `json:"own"`
	Calls []uint64 `json:"calls"`
}

// Attestation is what the log vouches by.
type Attestation struct {
	Note   string `json:"note"`
	Public string `json:"public"` // the key that signed it
}

// Investigation is looking into an incident.
type Investigation interface {
	// IncidentRecords compares what is sealed, shows nothing of it, and is on record.
	IncidentRecords(ctx context.Context, actor string, q IncidentQuery) (IncidentRecords, error)
	// Vouch puts on record that a bundle was made, and signs its manifest with the key
	// that signs checkpoints, after it has found the incident and its records again as
	// the manifest has them.
	Vouch(ctx context.Context, actor string, m Manifest) (Attestation, error)
}

// IncidentRecords implements Investigation.
func (c *Client) IncidentRecords(ctx context.Context, _ string, q IncidentQuery) (IncidentRecords, error) {
	return do[IncidentRecords](ctx, c.patient(), "/v1/incidents/records", q)
}

// Vouch implements Investigation.
func (c *Client) Vouch(ctx context.Context, _ string, m Manifest) (Attestation, error) {
	return do[Attestation](ctx, c.patient(), "/v1/incidents/vouch", m)
}

func investigationRoutes() []Route {
	return []Route{
		{"POST /v1/incidents/records", IncidentsRead, withBody(func(ctx context.Context, op Operator, actor string, q IncidentQuery) (any, error) {
			return op.IncidentRecords(ctx, actor, q)
		})},
		{"POST /v1/incidents/vouch", RecordsSign, withBody(func(ctx context.Context, op Operator, actor string, m Manifest) (any, error) {
			return op.Vouch(ctx, actor, m)
		})},
	}
}
