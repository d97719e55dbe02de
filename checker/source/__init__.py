"""What git says of the migrations; nothing here runs project code."""
