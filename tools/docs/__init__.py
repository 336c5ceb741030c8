"""Makes and checks the documents: pictures, tables from the code, outputs of commands."""
