module schematools
go 1.25.0
require ariga.io/atlas/cmd/atlas v0.13.1
require ariga.io/atlas v0.13.1
require golang.org/x/tools v0.44.0
