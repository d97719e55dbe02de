from sqlalchemy import Column, DateTime, ForeignKey, Integer, MetaData, Numeric, String, Table

metadata = MetaData()

users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(255), nullable=False),
)
orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False),
    Column("total", Numeric(10, 2), nullable=False),
    Column("paid_at", DateTime),
)
