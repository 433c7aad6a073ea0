package admin

import "time"

// Breach is what the record says of a breach: the facts of a notification (GDPR,
// article 33(3)), and what only people know is left for them.
type Breach struct {
	Asked   Touch     `json:"asked"`
	Made    time.Time `json:"made"`
	Aware   time.Time `json:"aware"`
	Notify  time.Time `json:"notify_by"` // 72 hours after Aware (article 33(1))
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Records int       `json:"records"`
	// Persons whose data it could touch: those who acted, by the keys of their records.
	Persons []Touched `json:"persons"`
	// Strangers are records of whom nobody knows who it was; they share a key a day.
	Strangers int          `json:"strangers,omitempty"`
	Erased    int          `json:"erased,omitempty"` // records of people who were erased since, matched by what is not sealed
	Items     []TouchItem  `json:"items"`            // what was called or read, by upstream
	Findings  []TouchCount `json:"findings"`         // what detectors saw in it: categories of data
	Access    []TouchCount `json:"access"`           // how they came in: method and public id of the credential
	Statuses  []TouchCount `json:"statuses"`
	// Cut says that a list was longer than its most, and its last is not the last.
	Cut bool `json:"cut,omitempty"`
	// Controller and Contact are as the configuration has them (privacy).
	Controller string `json:"controller,omitempty"`
	Contact    string `json:"contact,omitempty"`
	// ToSay are the parts of a notification that no record holds.
	ToSay []string `json:"to_say"`
}

// Touched is one person whose data could be touched.
type Touched struct {
	Key     string    `json:"key,omitempty"` // that their records name; empty where names are not sealed
	Log     string    `json:"log"`
	Issuer  string    `json:"issuer,omitempty"`
	Tenant  string    `json:"tenant,omitempty"`
	Subject string    `json:"subject,omitempty"` // with Touch.Open
	Records int       `json:"records"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// TouchItem is a tool, prompt or resource that was asked for.
type TouchItem struct {
	Upstream string    `json:"upstream"`
	Kind     string    `json:"kind,omitempty"`
	Name     string    `json:"name,omitempty"`
	Calls    int       `json:"calls"`   // that were asked for
	Carried  int       `json:"carried"` // of them, that were carried out
	BytesOut int64     `json:"bytes_out"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

// TouchCount is how often something was there.
type TouchCount struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}
