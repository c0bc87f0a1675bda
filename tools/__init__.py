"""Programs that write checked-in files from the declarations; tests compare the files with what they would write."""
