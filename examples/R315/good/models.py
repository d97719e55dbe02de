from sqlalchemy import Column, Integer, MetaData, String, Table

metadata = MetaData()

settings = Table(
    "settings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(50), nullable=False),
    Column("value", String(200)),
)
