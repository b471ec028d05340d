"""The old way: Spark behind FastAPI. It loads the model once and keeps it, which the replaced system did not do.

    old_way.py MODEL_FOLDER
"""

import socket
import sys

import uvicorn
from fastapi import FastAPI, Request
from pyspark.ml.clustering import KMeansModel
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

COLUMNS = ["LAT", "LON"]

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
model = KMeansModel.load(sys.argv[1])
assembler = VectorAssembler(inputCols=COLUMNS, outputCol="features")
app = FastAPI()


@app.post("/predict")
def predict(record: dict):
    return {"cluster": model.predict(Vectors.dense([record[name] for name in COLUMNS]))}


@app.post("/predict_many")
async def predict_many(request: Request):
    records = await request.json()
    rows = spark.createDataFrame([[record[name] for name in COLUMNS] for record in records], COLUMNS)
    found = model.transform(assembler.transform(rows)).select("prediction").collect()
    return [{"cluster": row[0]} for row in found]


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"ready rest=http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
