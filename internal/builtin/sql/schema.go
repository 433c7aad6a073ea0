package sql

// What the tool schema takes and gives, in JSON Schema.
const (
	schemaInput  = `{"type":"object","additionalProperties":false,"properties":{}}`
	schemaOutput = `{"type":"object","additionalProperties":false,"required":["dialect","tables"],"properties":{
"dialect":{"enum":["postgres","mysql","sqlite"],"description":"mysql is MariaDB too"},
"tables":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["name","columns"],"properties":{
"name":{"type":"string","description":"as statements write it"},
"columns":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["name","type"],"properties":{
"name":{"type":"string"},
"type":{"type":"string","description":"may be empty for a masked column"},
"nullable":{"type":"boolean"},
"primary_key":{"type":"integer","description":"its place in the primary key, from 1"},
"references":{"type":"string","description":"table(column) that it is a key of, where that can be read too"},
"masked":{"type":"boolean","description":"its values cannot be read"}}}}}}}}}`
)

// described is what schema gives.
type described struct {
	Dialect string  `json:"dialect"`
	Tables  []table `json:"tables"`
}

// table is one that can be read.
type table struct {
	Name    string  `json:"name"`
	Columns []field `json:"columns"`
}

// field is a column of a table.
type field struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Nullable   bool   `json:"nullable,omitempty"`
	PrimaryKey int    `json:"primary_key,omitempty"`
	References string `json:"references,omitempty"`
	Masked     bool   `json:"masked,omitempty"`
}
