package clitest

// Valid is a whole configuration of the input.
const Valid = `[[inputs.decahose]]
  account = "example"
  stream_label = "prod"
  username = "user"
  password = "SECRET"
`

// Output is a whole configuration of the output.
const Output = `[[outputs.decahose_archive]]
  url = "/tmp/archive"
  segment_interval = "1m"
`
